import { type RandomStream, randomStream } from '../../models/index.ts';
import type { Split } from './data_set.ts';
import { FIGURES, type Figure } from './shape_figures.ts';

export const SHAPE_SIZE = 32;
export const SHAPE_CHANNELS = 3;
const PLANE_LENGTH = SHAPE_SIZE * SHAPE_SIZE;

/** The classes of `shapes`, in the order of the labels. */
export const SHAPE_CLASSES: readonly string[] = FIGURES.map(({ name }) => name);

const SMALLEST_RADIUS = 7;
const LARGEST_RADIUS = 13;
/** Levels of the background and of the figure: as random as they are, the figure is always the brighter one. */
const DARK = [0, 130] as const;
const BRIGHT = [110, 256] as const;
const LARGEST_SHADE = 50; // how much the background's brightness changes across the image
const [SMALLEST_NOISE, LARGEST_NOISE] = [7, 48]; // largest change of a pixel, of 255
const SPECKS = 4; // small dots of any colour, which mean nothing

type Colour = readonly [red: number, green: number, blue: number];

/** Classes take turns, so that they are equally frequent. */
export function shapeLabel(index: number): number {
  return index % FIGURES.length;
}

/**
 * Draws image `index` of `shapes` into `pixels` (3·32·32 bytes, planes): a pure function of seed, split and index.
 *
 * The figure has a random place, size, turn and colour on a shaded background of another colour, with specks and noise.
 * `scratch` holds as many values as an image.
 */
export function drawShape(seed: number, split: Split, index: number, pixels: Uint8Array, scratch: Float32Array): void {
  const stream = randomStream(seed, 'shapes', split, index);
  shadeBackground(scratch, randomColour(stream, ...DARK), stream);
  for (let speck = stream.integer(SPECKS + 1); speck > 0; speck--) {
    paint(scratch, placeSpeck(stream), randomColour(stream, 0, 256));
  }
  const { distance, turn } = FIGURES[shapeLabel(index)]!;
  paint(scratch, place(distance, turn, stream), randomColour(stream, ...BRIGHT));
  addNoise(scratch, pixels, between(stream, SMALLEST_NOISE, LARGEST_NOISE), stream);
}

function between(stream: RandomStream, low: number, high: number): number {
  return low + (high - low) * stream.uniform();
}

function randomColour(stream: RandomStream, low: number, high: number): Colour {
  const level = () => low + stream.integer(high - low);
  return [level(), level(), level()];
}

function shadeBackground(image: Float32Array, colour: Colour, stream: RandomStream): void {
  const [slopeX, slopeY] = [0, 1].map(() => between(stream, -LARGEST_SHADE, LARGEST_SHADE) / SHAPE_SIZE) as [
    number,
    number,
  ];
  for (let y = 0; y < SHAPE_SIZE; y++) {
    for (let x = 0; x < SHAPE_SIZE; x++) {
      const shade = slopeX * (x - SHAPE_SIZE / 2) + slopeY * (y - SHAPE_SIZE / 2);
      for (let c = 0; c < SHAPE_CHANNELS; c++) image[c * PLANE_LENGTH + y * SHAPE_SIZE + x] = colour[c]! + shade;
    }
  }
}

/** A figure somewhere in the image, in pixels, and the square it does not leave. */
interface Placed {
  readonly centreX: number;
  readonly centreY: number;
  /** Half the square's side. */
  readonly reach: number;
  readonly distance: Figure;
}

function placeSpeck(stream: RandomStream): Placed {
  const [centreX, centreY] = [between(stream, 0, SHAPE_SIZE), between(stream, 0, SHAPE_SIZE)];
  const radius = between(stream, 0.8, 1.8);
  const distance: Figure = (x, y) => {
    const dx = x - centreX;
    const dy = y - centreY;
    return Math.sqrt(dx * dx + dy * dy) - radius;
  };
  return { centreX, centreY, reach: radius + 1, distance };
}

/** The figure at a random place in the image: turned, scaled, wholly visible but for its corners. */
function place(figure: Figure, largestTurn: number, stream: RandomStream): Placed {
  const radius = between(stream, SMALLEST_RADIUS, LARGEST_RADIUS);
  const centreX = between(stream, radius, SHAPE_SIZE - radius);
  const centreY = between(stream, radius, SHAPE_SIZE - radius);
  const tangent = between(stream, -largestTurn, largestTurn);
  const cosine = 1 / Math.sqrt(1 + tangent * tangent);
  const sine = tangent * cosine;
  const distance: Figure = (x, y) => {
    const dx = (x - centreX) / radius;
    const dy = (y - centreY) / radius;
    return radius * figure(cosine * dx + sine * dy, cosine * dy - sine * dx);
  };
  return { centreX, centreY, reach: radius * Math.SQRT2 + 1, distance };
}

/** Covers every pixel by the share of it that lies inside (estimated from the distance of its centre). */
function paint(image: Float32Array, { centreX, centreY, reach, distance }: Placed, colour: Colour): void {
  const first = (centre: number) => Math.max(0, Math.floor(centre - reach));
  const end = (centre: number) => Math.min(SHAPE_SIZE, Math.ceil(centre + reach));
  for (let y = first(centreY); y < end(centreY); y++) {
    for (let x = first(centreX); x < end(centreX); x++) {
      const cover = Math.min(1, Math.max(0, 0.5 - distance(x + 0.5, y + 0.5)));
      if (cover === 0) continue;
      for (let c = 0; c < SHAPE_CHANNELS; c++) {
        const at = c * PLANE_LENGTH + y * SHAPE_SIZE + x;
        image[at] = image[at]! + cover * (colour[c]! - image[at]!);
      }
    }
  }
}

function addNoise(image: Float32Array, pixels: Uint8Array, largest: number, stream: RandomStream): void {
  for (let i = 0; i < pixels.length; i++) {
    const level = image[i]! + largest * (2 * stream.uniform() - 1);
    pixels[i] = Math.min(255, Math.max(0, Math.round(level)));
  }
}
