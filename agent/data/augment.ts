import type { RandomStream } from '../../models/index.ts';

/** How training images are varied. */
export interface Augmentation {
  /** Mirror every second image left to right. */
  readonly flip: boolean;
  /** Move the image by up to so many pixels in each direction; what moves in is zero, the mean of normalised data. */
  readonly padding: number;
}

/** The customary augmentation of CIFAR-10 (He et al., arXiv 1512.03385, section 4.2). */
export const FLIP_AND_CROP: Augmentation = { flip: true, padding: 4 };

/** What was drawn for one image. */
export interface AugmentationDraw {
  readonly mirrored: boolean;
  /** Pixel (y, x) of the result comes from (y + down, x + right) of the source, before mirroring. */
  readonly down: number;
  readonly right: number;
}

/** Draws from the stream; always the same numbers of it, whatever is switched on. */
export function drawAugmentation({ flip, padding }: Augmentation, stream: RandomStream): AugmentationDraw {
  const mirrored = stream.uniform() < 0.5;
  const down = stream.integer(2 * padding + 1) - padding;
  const right = stream.integer(2 * padding + 1) - padding;
  return { mirrored: flip && mirrored, down, right };
}

/**
 * Writes the moved and perhaps mirrored image to `target`, which is another array: padding by zeros, cropping at the
 * drawn place, then mirroring. Both are float32 [channels, height, width].
 */
export function augment(
  source: Float32Array,
  target: Float32Array,
  [channels, height, width]: readonly [channels: number, height: number, width: number],
  { mirrored, down, right }: AugmentationDraw,
): void {
  for (let row = 0; row < channels * height; row++) {
    const sourceY = (row % height) + down;
    const sourceRow = (row + down) * width;
    for (let x = 0; x < width; x++) {
      const sourceX = (mirrored ? width - 1 - x : x) + right;
      const inside = sourceY >= 0 && sourceY < height && sourceX >= 0 && sourceX < width;
      target[row * width + x] = inside ? source[sourceRow + sourceX]! : 0;
    }
  }
}
