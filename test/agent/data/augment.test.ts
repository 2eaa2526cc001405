import test from 'ava';
import { augment, drawAugmentation, FLIP_AND_CROP } from '../../../agent/data/index.ts';
import { randomStream } from '../../../models/random/index.ts';

const SHAPE = [2, 2, 3] as const;
const IMAGE = Float32Array.of(1, 2, 3, 4, 5, 6, 10, 20, 30, 40, 50, 60);

function moved(mirrored: boolean, down: number, right: number): number[] {
  const target = new Float32Array(IMAGE.length);
  augment(IMAGE, target, SHAPE, { mirrored, down, right });
  return [...target];
}

test('an image that is neither moved nor mirrored stays as it is', (t) => {
  t.deepEqual(moved(false, 0, 0), [...IMAGE]);
});

test('mirroring swaps left and right in every plane', (t) => {
  t.deepEqual(moved(true, 0, 0), [3, 2, 1, 6, 5, 4, 30, 20, 10, 60, 50, 40]);
});

test('what moves into the image is zero, and planes do not mix', (t) => {
  t.deepEqual(moved(false, 1, 0), [4, 5, 6, 0, 0, 0, 40, 50, 60, 0, 0, 0]);
  t.deepEqual(moved(false, -1, 0), [0, 0, 0, 1, 2, 3, 0, 0, 0, 10, 20, 30]);
  t.deepEqual(moved(false, 0, 1), [2, 3, 0, 5, 6, 0, 20, 30, 0, 50, 60, 0]);
  t.deepEqual(moved(false, 0, -2), [0, 0, 1, 0, 0, 4, 0, 0, 10, 0, 0, 40]);
});

test('mirroring comes after cropping', (t) => {
  t.deepEqual(moved(true, 0, 1), [0, 3, 2, 0, 6, 5, 0, 30, 20, 0, 60, 50]);
});

test('draws cover every offset and mirror every second image', (t) => {
  const draws = Array.from({ length: 4000 }, (_, i) => drawAugmentation(FLIP_AND_CROP, randomStream(1, i)));
  for (const offset of [-4, -3, -2, -1, 0, 1, 2, 3, 4]) {
    for (const axis of ['down', 'right'] as const) {
      const found = draws.filter((draw) => draw[axis] === offset).length;
      t.true(found > 350 && found < 540, `${axis} ${offset}: ${found} of 4000`);
    }
  }
  const mirrored = draws.filter((draw) => draw.mirrored).length;
  t.true(mirrored > 1850 && mirrored < 2150, `${mirrored} of 4000 mirrored`);
  t.true(draws.every(({ down, right }) => Math.abs(down) <= 4 && Math.abs(right) <= 4));
});

test('without flip nothing is mirrored, without padding nothing moves', (t) => {
  for (let i = 0; i < 50; i++) {
    t.deepEqual(drawAugmentation({ flip: false, padding: 0 }, randomStream(1, i)), {
      mirrored: false,
      down: 0,
      right: 0,
    });
  }
});
