import { parseArgs } from 'node:util';
import {
  BufferPool,
  type Codec,
  codecOf,
  createTwinKernel,
  type PlanesOptions,
  plainCodecs,
  planesCodec,
} from '../agent/index.ts';
import { randomStream } from '../models/index.ts';
import { median, spread } from './statistics.ts';

const widths = [2, 3, 4, 6, 8, 16] as const;
const groups = [64, 256] as const;
const draws = {
  relu: (normal: () => number) => Math.max(0, normal()),
  laplace: (normal: () => number) => (normal() ** 2 + normal() ** 2 - normal() ** 2 - normal() ** 2) / 2,
  normal: (normal: () => number) => normal(),
} as const;
type Distribution = keyof typeof draws;

const memory = new BufferPool();
const usual = { range: 'minimum', rotation: 0, zeroMask: false, huffman: false, stochastic: false } as const;
const twinKernel = createTwinKernel();

/** Speed and error of the codec on one thread. [bench/METHODOLOGY.md] */
export async function codecBench(args: readonly string[]): Promise<unknown> {
  const { values: given } = parseArgs({
    args: [...args],
    options: {
      values: { type: 'string', default: String(2 ** 20) },
      rounds: { type: 'string', default: '15' },
      json: { type: 'boolean', default: true },
    },
  });
  const [count, rounds] = [Number(given.values), Number(given.rounds)];
  const data = Object.fromEntries(
    Object.keys(draws).map((name) => [name, drawn(name as Distribution, count)]),
  ) as Record<Distribution, Float32Array>;
  const cases = [];
  for (const group of groups) {
    for (const bits of widths) cases.push(await measured({ bits, group }, data, rounds));
  }
  for (const extra of [{ stochastic: true, range: 'maximum' }, { rotation: 64 }, { zeroMask: true }] as const) {
    for (const bits of [2, 3, 4]) cases.push(await measured({ bits, group: 64, ...extra }, data, rounds));
  }
  return { values: count, rounds, cases };
}

/** In memory that is shared, as a stage's tensors are. Laplace as a difference of two exponentials. */
function drawn(name: Distribution, count: number): Float32Array {
  const stream = randomStream(1, 'bench codec', name);
  const normal = () => Math.sqrt(-2 * Math.log(1 - stream.uniform())) * Math.cos(2 * Math.PI * stream.uniform());
  const values = new Float32Array(memory.take(4 * count));
  for (let index = 0; index < count; index++) values[index] = draws[name](normal);
  return values;
}

async function measured(
  options: Partial<PlanesOptions> & { readonly bits: number; readonly group: number },
  data: Record<Distribution, Float32Array>,
  rounds: number,
) {
  const own = options.bits === 16 ? plainCodecs.bfloat16 : planesCodec({ ...usual, ...options });
  const twin = options.bits === 16 ? undefined : planesCodec({ ...usual, ...options }, () => twinKernel);
  const values = data.relu;
  const payload = new Uint8Array(encoded(own, values));
  if (twin !== undefined && Buffer.compare(payload, encoded(twin, values)) !== 0) {
    throw new Error(`the twin makes other bytes: ${JSON.stringify(options)}`);
  }
  const times = { encode: [] as number[], decode: [] as number[], twinEncode: [] as number[] };
  const rate = (milliseconds: number) => Number((values.byteLength / 1e6 / milliseconds).toPrecision(4));
  for (let round = -2; round < rounds; round++) {
    const encode = timed(() => encoded(own, values), 3);
    const decode = timed(() => decoded(own, payload, values.length), 3);
    const twinEncode = twin === undefined ? Number.NaN : timed(() => encoded(twin, values), 1);
    if (round < 0) continue;
    times.encode.push(encode);
    times.decode.push(decode);
    times.twinEncode.push(twinEncode);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return {
    ...options,
    encodeGBps: rate(median(times.encode)),
    decodeGBps: rate(median(times.decode)),
    twinEncodeGBps: twin === undefined ? null : rate(median(times.twinEncode)),
    encodeSpread: spread(times.encode).map(rate).toReversed(),
    decodeSpread: spread(times.decode).map(rate).toReversed(),
    bytesPerValue: payload.length / values.length,
    relativeError: Object.fromEntries(Object.entries(data).map(([name, each]) => [name, errorOf(own, each)])),
  };
}

/** Its memory goes back at once: what is in it stays until the next one is taken. */
function encoded(codec: Codec, values: Float32Array): Uint8Array {
  const { payload } = codec.encode(values, { memory, seed: 1 });
  memory.giveBack(payload.buffer);
  return payload;
}

function decoded(codec: Codec, payload: Uint8Array, count: number): Float32Array {
  const values = codec.decode(payload, count, memory);
  memory.giveBack(values.buffer);
  return values;
}

/** Of all values, from what the frame says alone. */
function errorOf(codec: Codec, values: Float32Array): number {
  const found = codec.encode(values, { memory, seed: 1 });
  const back = decoded(codecOf(found.codec), new Uint8Array(found.payload), values.length);
  let [error, signal] = [0, 0];
  for (let index = 0; index < values.length; index++) {
    error += (values[index]! - back[index]!) ** 2;
    signal += values[index]! ** 2;
  }
  memory.giveBack(found.payload.buffer);
  return Number(Math.sqrt(error / signal).toPrecision(4));
}

function timed(act: () => unknown, times: number): number {
  const start = performance.now();
  for (let time = 0; time < times; time++) act();
  return (performance.now() - start) / times;
}
