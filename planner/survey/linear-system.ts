/** x of A·x = b for a symmetric positive definite A, by Cholesky's decomposition. */
export function solved(matrix: readonly (readonly number[])[], right: readonly number[]): readonly number[] {
  const lower = choleskyOf(matrix);
  const size = right.length;
  const x = [...right];
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < row; column++) x[row]! -= lower[row]![column]! * x[column]!;
    x[row]! /= lower[row]![row]!;
  }
  for (let row = size - 1; row >= 0; row--) {
    for (let below = row + 1; below < size; below++) x[row]! -= lower[below]![row]! * x[below]!;
    x[row]! /= lower[row]![row]!;
  }
  return x;
}

function choleskyOf(matrix: readonly (readonly number[])[]): readonly Float64Array[] {
  const lower = matrix.map((row) => new Float64Array(row.length));
  for (const [row, values] of matrix.entries()) {
    for (let column = 0; column <= row; column++) {
      let rest = values[column]!;
      for (let k = 0; k < column; k++) rest -= lower[row]![k]! * lower[column]![k]!;
      lower[row]![column] = row === column ? Math.sqrt(rest) : rest / lower[column]![column]!;
    }
  }
  return lower;
}
