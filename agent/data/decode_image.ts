/** The one door to sharp (libvips): image files become pixels, pixels become PNG. */

import sharp from 'sharp';
import { CorruptDataError } from './errors.ts';

const CHANNELS = 3;

sharp.cache(false); // every file is read once: a cache of decoded images only takes memory

/**
 * Decodes a JPEG or PNG file to `size`×`size` RGB, planes one after the other (3·size² bytes).
 *
 * The image is turned as its EXIF says, scaled so that it covers the square, and cut at its centre; transparent parts
 * become black. Throws CorruptDataError naming the file when it cannot be decoded completely.
 */
export async function decodeImage(file: string, size: number): Promise<Uint8Array> {
  try {
    const { data, info } = await sharp(file, { failOn: 'error' })
      .autoOrient()
      .flatten({ background: 'black' })
      .resize(size, size, { fit: 'cover' })
      .toColourspace('srgb')
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    return planes(data, info.channels);
  } catch (error) {
    const [reason] = (error instanceof Error ? error.message : String(error)).split('\n');
    throw new CorruptDataError(file, `cannot be decoded as an image (${reason}): replace or remove it`);
  }
}

/** Interleaved pixels as planes; one channel becomes three. */
function planes(interleaved: Uint8Array, channels: number): Uint8Array {
  const planeLength = interleaved.length / channels;
  const result = new Uint8Array(CHANNELS * planeLength);
  for (let c = 0; c < CHANNELS; c++) {
    const from = channels >= CHANNELS ? c : 0;
    for (let i = 0; i < planeLength; i++) result[c * planeLength + i] = interleaved[i * channels + from]!;
  }
  return result;
}

/** Encodes RGB planes (3·height·width bytes) as PNG. */
export function encodePng(pixels: Uint8Array, height: number, width: number): Promise<Buffer> {
  const planeLength = height * width;
  const interleaved = new Uint8Array(pixels.length);
  for (let i = 0; i < planeLength; i++) {
    for (let c = 0; c < CHANNELS; c++) interleaved[i * CHANNELS + c] = pixels[c * planeLength + i]!;
  }
  return sharp(interleaved, { raw: { width, height, channels: CHANNELS } })
    .png()
    .toBuffer();
}
