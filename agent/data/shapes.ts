import { setImmediate } from 'node:timers/promises';
import type { RawSplit, Split } from './data_set.ts';
import { createImageStore } from './image_store.ts';
import { drawShape, SHAPE_CHANNELS, SHAPE_CLASSES, SHAPE_SIZE, shapeLabel } from './shape_drawing.ts';

/** How many images `shapes` has when nobody asks for another number. */
export const SHAPE_COUNTS = { train: 5000, test: 1000 } satisfies Record<Split, number>;

const SHAPES_SEED = 0; // always the same data: the seed of a run changes the training, not what is learned
const DRAWN_AT_ONCE = 100; // some 10 ms, so that the thread stays responsive

/** Generates the first `count` images of a split of `shapes`, pausing for other work; throws the signal's reason. */
export async function generateShapes(split: Split, count: number, signal?: AbortSignal): Promise<RawSplit> {
  const planeLength = SHAPE_SIZE * SHAPE_SIZE;
  const imageLength = SHAPE_CHANNELS * planeLength;
  const pixels = new Uint8Array(count * imageLength);
  const scratch = new Float32Array(imageLength);
  for (let index = 0; index < count; index++) {
    if (index % DRAWN_AT_ONCE === 0) {
      await setImmediate();
      signal?.throwIfAborted();
    }
    drawShape(SHAPES_SEED, split, index, pixels.subarray(index * imageLength, (index + 1) * imageLength), scratch);
  }
  return {
    inputShape: [SHAPE_CHANNELS, SHAPE_SIZE, SHAPE_SIZE],
    classes: SHAPE_CLASSES,
    labels: Uint8Array.from({ length: count }, (_, index) => shapeLabel(index)),
    samples: createImageStore(pixels, SHAPE_CHANNELS, planeLength),
  };
}
