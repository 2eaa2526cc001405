/** Small valid data in every format, written to a directory of the test's own. */

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { ExecutionContext } from 'ava';
import sharp from 'sharp';
import { randomStream } from '../../../models/random/index.ts';

/** A new directory, removed when the test ends. */
export async function temporaryDirectory(t: ExecutionContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'flotilla-data-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

export function randomBytes(count: number, ...key: (string | number)[]): Buffer {
  const stream = randomStream(1, ...key);
  return Buffer.from(Uint8Array.from({ length: count }, () => stream.integer(256)));
}

/** Records of CIFAR-10: labels take turns unless given. */
export function cifarRecords(labels: readonly number[], key = 'cifar'): Buffer {
  return Buffer.concat(labels.flatMap((label, i) => [Buffer.of(label), randomBytes(3072, key, i)]));
}

export function turns(count: number, classes: number): number[] {
  return Array.from({ length: count }, (_, i) => i % classes);
}

export async function writeCifar10(directory: string): Promise<void> {
  await writeFile(join(directory, 'data_batch_1.bin'), cifarRecords(turns(20, 10), 'one'));
  await writeFile(join(directory, 'data_batch_2.bin'), cifarRecords(turns(10, 10), 'two'));
  await writeFile(join(directory, 'test_batch.bin'), cifarRecords(turns(10, 10), 'test'));
}

export function idxFile(shape: readonly number[], values: Uint8Array): Buffer {
  const header = Buffer.alloc(4 + 4 * shape.length);
  header[2] = 0x08;
  header[3] = shape.length;
  for (const [i, extent] of shape.entries()) header.writeUInt32BE(extent, 4 + 4 * i);
  return Buffer.concat([header, values]);
}

/** The MNIST family: 30 training and 10 test images of 28×28, optionally packed or in colour. */
export async function writeIdx(directory: string, { packed = false, channels = 1 } = {}): Promise<void> {
  const rank = channels === 1 ? 3 : 4;
  for (const [prefix, count] of [
    ['train', 30],
    ['t10k', 10],
  ] as const) {
    const shape = channels === 1 ? [count, 28, 28] : [count, channels, 28, 28];
    const images = idxFile(shape, randomBytes(count * channels * 28 * 28, prefix));
    const labels = idxFile([count], Uint8Array.from(turns(count, 10)));
    const write = (name: string, bytes: Buffer) =>
      writeFile(join(directory, packed ? `${name}.gz` : name), packed ? gzipSync(bytes) : bytes);
    await write(`${prefix}-images-idx${rank}-ubyte`, images);
    await write(`${prefix}-labels-idx1-ubyte`, labels);
  }
}

/** A plain image with a bright corner, of any size, encoded by the extension of its name. */
export async function writeImage(file: string, red: number, width = 48, height = 40): Promise<void> {
  const pixels = Buffer.alloc(width * height * 3, 40);
  for (let i = 0; i < pixels.length; i += 3) pixels[i] = red;
  await sharp(pixels, { raw: { width, height, channels: 3 } }).toFile(file);
}

const IMAGE_CLASSES = ['ant', 'bee', 'cat'];

/** Three classes, JPEG and PNG, in one set of directories or divided into train/ and test/. */
export async function writeImageFolder(directory: string, { divided = false } = {}): Promise<void> {
  for (const part of divided ? ['train', 'test'] : ['']) {
    for (const [label, name] of IMAGE_CLASSES.entries()) {
      const path = join(directory, part, name);
      await mkdir(path, { recursive: true });
      for (let i = 0; i < 10; i++) {
        await writeImage(join(path, `${i}.${i % 2 === 0 ? 'png' : 'jpg'}`), 60 * label + 5 * i, 40 + i, 36);
      }
    }
  }
}

export function csvRows(labels: readonly string[], channels: number, key: string): string {
  const stream = randomStream(1, key);
  const header = ['label', ...Array.from({ length: channels }, (_, c) => `ch${c}`)].join(',');
  const rows = labels.map((label) =>
    [label, ...Array.from({ length: channels }, (_, c) => (stream.normal() * (c + 1) + c).toFixed(4))].join(','),
  );
  return `${[header, ...rows].join('\n')}\n`;
}

/** Two training recordings and one for testing, of 9 channels; windows of 16 rows every 8 rows. */
export async function writeCsvWindows(directory: string): Promise<void> {
  const labels = (...runs: [string, number][]) => runs.flatMap(([name, rows]) => Array<string>(rows).fill(name));
  const walkThenSit = labels(['walk', 64], ['sit', 64]);
  await writeFile(join(directory, 'train-anna.csv'), csvRows(walkThenSit, 9, 'anna'));
  await writeFile(join(directory, 'train-ben.csv'), csvRows(labels(['sit', 40], ['run', 56]), 9, 'ben'));
  await writeFile(join(directory, 'test.csv'), csvRows(labels(['run', 32], ['walk', 32]), 9, 'carl'));
  await writeFile(join(directory, 'dataset.yaml'), 'window: 16\nstride: 8\n');
}
