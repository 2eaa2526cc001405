const { fround } = Math;

/**
 * Signs and then the Walsh-Hadamard transform, scaled so that lengths stay: an outlier is spread over its block. Its
 * inverse where `back`. In place; a block has 4 values or more.
 */
export function rotateBlock(block: Float32Array, signs: Uint32Array, back: boolean): void {
  if (!back) turnSigns(block, signs);
  for (let half = 1; half < block.length; half *= 2) {
    for (let start = 0; start < block.length; start += 2 * half) {
      for (let at = start; at < start + half; at++) {
        const [a, b] = [block[at]!, block[at + half]!];
        block[at] = a + b;
        block[at + half] = a - b;
      }
    }
  }
  const norm = fround(1 / Math.sqrt(block.length));
  for (let index = 0; index < block.length; index++) block[index] = block[index]! * norm;
  if (back) turnSigns(block, signs);
}

function turnSigns(block: Float32Array, signs: Uint32Array): void {
  for (let index = 0; index < block.length; index++) if (signs[index] !== 0) block[index] = -block[index]!;
}
