import test from 'ava';
import { type KeyPart, randomStream } from '../../models/random/index.ts';
import { portableLog } from '../../models/random/logarithm.ts';

const SAMPLES = 200_000;

function mean(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return sum / values.length;
}

/** The mean of (value - centre)^power. */
function moment(values: ArrayLike<number>, centre: number, power: number): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += (values[i]! - centre) ** power;
  return sum / values.length;
}

function correlation(left: Float32Array, right: Float32Array): number {
  const [centreLeft, centreRight] = [mean(left), mean(right)];
  const products = left.map((value, i) => (value - centreLeft) * (right[i]! - centreRight));
  return mean(products) / Math.sqrt(moment(left, centreLeft, 2) * moment(right, centreRight, 2));
}

function normals(count: number, ...path: KeyPart[]): Float32Array {
  const values = new Float32Array(count);
  randomStream(11, ...path).fillNormal(values, 0, 1);
  return values;
}

test('a key gives the numbers it has always given', (t) => {
  const stream = randomStream(1, 'x', 2);
  t.deepEqual([stream.uniform(), stream.uniform()], [0.166386344935745, 0.04811935522593558]);
  t.deepEqual([stream.normal(), stream.normal()], [-0.8119603754795585, 0.2859114930779505]);
  t.is(stream.integer(10), 3);
  t.deepEqual([...stream.permutation(10)], [2, 5, 7, 1, 0, 6, 8, 4, 3, 9]);
});

test('the same key gives the same stream whatever was drawn in between', (t) => {
  const first = normals(1000, 'conv1', 3);
  randomStream(5).fillNormal(new Float32Array(77), 0, 1);
  t.deepEqual(normals(1000, 'conv1', 3), first);
});

test('keys that look alike are different keys', (t) => {
  const keys: KeyPart[][] = [
    [1],
    [1, 0],
    [0, 1],
    [0],
    [-1],
    [0.5],
    ['1'],
    ['1', ''],
    ['', '1'],
    ['ab', 'c'],
    ['a', 'bc'],
    ['abc'],
    ['abc\0'],
    [2 ** 32],
    [2 ** 32 + 1],
    [2 ** 53 - 1],
    [1, 'a', 2],
    [1, 2, 'a'],
    ['a', 1, 2],
  ];
  const firsts = keys.map(([seed, ...path]) => randomStream(seed!, ...path).uniform());
  t.is(new Set(firsts).size, keys.length);
  t.is(randomStream(-0).uniform(), randomStream(0).uniform());
});

test('first numbers of consecutive steps are spread evenly', (t) => {
  const firsts = Float32Array.from({ length: 50_000 }, (_, step) => randomStream(0, step, 'dropout').uniform());
  const buckets = new Uint32Array(50);
  for (const value of firsts) buckets[Math.floor(value * 50)]!++;
  const chiSquared = buckets.reduce((sum, found) => sum + (found - 1000) ** 2 / 1000, 0);
  t.true(chiSquared < 95, `chi squared of 49 degrees of freedom is ${chiSquared}`); // 1 in 10,000 exceeds 95
  t.is(new Set(firsts).size > 49_800, true);
});

test('streams of neighbouring keys are uncorrelated', (t) => {
  const reference = normals(SAMPLES, 'layer', 1, 0);
  for (const path of [
    ['layer', 2, 0],
    ['layer', 1, 1],
    ['layes', 1, 0],
  ] as KeyPart[][]) {
    const r = correlation(reference, normals(SAMPLES, ...path));
    t.true(Math.abs(r) < 5 / Math.sqrt(SAMPLES), `${path} has correlation ${r}`);
  }
});

test('numbers of one stream are not correlated with those that follow them', (t) => {
  const values = normals(SAMPLES + 8, 'lag');
  for (const lag of [1, 2, 3, 8]) {
    const r = correlation(values.slice(0, SAMPLES), values.slice(lag, SAMPLES + lag));
    t.true(Math.abs(r) < 5 / Math.sqrt(SAMPLES), `lag ${lag} has correlation ${r}`);
  }
});

test('uniform numbers have the mean, variance and range of their interval', (t) => {
  const values = new Float32Array(SAMPLES);
  randomStream(3, 'uniform').fillUniform(values, -2, 4);
  const centre = mean(values);
  t.true(Math.abs(centre - 1) < 0.02, `mean ${centre}`);
  t.true(Math.abs(moment(values, centre, 2) - 3) < 0.04);
  t.true(values.every((value) => value >= -2 && value <= 4));
});

test('normal numbers have the first four moments of their distribution', (t) => {
  const values = new Float32Array(SAMPLES);
  randomStream(3, 'normal').fillNormal(values, 5, 2);
  const centre = mean(values);
  t.true(Math.abs(centre - 5) < 0.025, `mean ${centre}`);
  t.true(Math.abs(moment(values, centre, 2) / 4 - 1) < 0.02);
  t.true(Math.abs(moment(values, centre, 3) / 8) < 0.03);
  t.true(Math.abs(moment(values, centre, 4) / 16 - 3) < 0.12);
});

test('a Bernoulli mask keeps the share it is told to and has mean one', (t) => {
  const mask = new Float32Array(SAMPLES);
  randomStream(3, 'mask').bernoulliMask(mask, 0.8);
  t.deepEqual([...new Set(mask)].sort(), [0, Math.fround(1 / 0.8)]);
  t.true(Math.abs(mean(mask) - 1) < 0.01);
  randomStream(3, 'mask').bernoulliMask(mask, 1);
  t.true(mask.every((value) => value === 1));
});

test('integers are even over their range', (t) => {
  const stream = randomStream(3, 'integer');
  const found = new Uint32Array(7);
  for (let i = 0; i < 70_000; i++) found[stream.integer(7)]!++;
  t.true(
    found.every((count) => Math.abs(count - 10_000) < 500),
    `${found}`,
  );
  t.is(stream.integer(1), 0);
});

test('a permutation holds every index once and moves each anywhere', (t) => {
  t.deepEqual(
    [...randomStream(1).permutation(500)].sort((a, b) => a - b),
    Array.from({ length: 500 }, (_, i) => i),
  );
  t.deepEqual([...randomStream(1).permutation(0)], []);
  const placeOfZero = Float32Array.from({ length: 4000 }, (_, i) => randomStream(i).permutation(10).indexOf(0));
  t.true(Math.abs(mean(placeOfZero) - 4.5) < 0.25);
});

test('the portable logarithm agrees with the platform to 1e-14', (t) => {
  const stream = randomStream(1, 'log');
  for (let i = 0; i < 10_000; i++) {
    const x = stream.uniform() * 2 ** (stream.integer(80) - 60) + 2 ** -64;
    t.true(Math.abs(portableLog(x) - Math.log(x)) <= 1e-14 * Math.max(1, Math.abs(Math.log(x))), `${x}`);
  }
});

test('arguments outside their range are refused with the value', (t) => {
  const stream = randomStream(1);
  t.throws(() => stream.integer(0), { instanceOf: RangeError, message: /integer\(0\)/ });
  t.throws(() => stream.integer(2.5), { instanceOf: RangeError, message: /2\.5/ });
  t.throws(() => stream.bernoulliMask(new Float32Array(1), 0), { instanceOf: RangeError, message: /is 0/ });
  t.throws(() => stream.bernoulliMask(new Float32Array(1), 1.5), { instanceOf: RangeError, message: /1\.5/ });
  t.throws(() => randomStream(Number.NaN), { instanceOf: RangeError, message: /NaN/ });
});
