/**
 * Non-negative least squares: the x ≥ 0 that makes Σ (rows[i]·x − targets[i])² + ridge·Σ x² smallest, by coordinate
 * descent (Franc, Hlaváč, Navara 2005).
 */
export function nonNegativeLeastSquares(
  rows: readonly Float64Array[],
  targets: readonly number[],
  { ridge = 1e-6, sweeps = 2000 } = {},
): Float64Array {
  const size = rows[0]!.length;
  const { gram, moments } = normalEquations(rows, targets, ridge);
  const x = new Float64Array(size);
  // slope[j] = (Gx − m)[j], kept up to date as x changes.
  const slope = Float64Array.from(moments, (moment) => -moment);
  for (let sweep = 0; sweep < sweeps; sweep++) {
    let largest = 0;
    for (let j = 0; j < size; j++) {
      const curvature = gram[j * size + j]!;
      if (curvature <= ridge) continue;
      const next = Math.max(0, x[j]! - slope[j]! / curvature);
      const change = next - x[j]!;
      if (change === 0) continue;
      x[j] = next;
      for (let i = 0; i < size; i++) slope[i]! += change * gram[i * size + j]!;
      largest = Math.max(largest, Math.abs(change) * Math.sqrt(curvature));
    }
    if (largest < 1e-9) break;
  }
  return x;
}

function normalEquations(rows: readonly Float64Array[], targets: readonly number[], ridge: number) {
  const size = rows[0]!.length;
  const gram = new Float64Array(size * size);
  const moments = new Float64Array(size);
  rows.forEach((row, index) => {
    for (let i = 0; i < size; i++) {
      if (row[i] === 0) continue;
      moments[i]! += row[i]! * targets[index]!;
      for (let j = 0; j < size; j++) gram[i * size + j]! += row[i]! * row[j]!;
    }
  });
  for (let i = 0; i < size; i++) gram[i * size + i]! += ridge;
  return { gram, moments };
}
