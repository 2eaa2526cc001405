import { parseArgs } from 'node:util';
import { layCable } from './link/namespaces.ts';
import { type Ends, startEnds } from './link/processes.ts';
import { type JobResult, MAX_TENSOR_BYTES } from './link/words.ts';
import { median, percentile, spread } from './statistics.ts';

const KIBIBYTE = 1024;
const LATENCIES = 200;
/** Bytes of one measurement: without a rate as many as take a third of a second or so, with one half a second. */
const FREE_BYTES = 256 * 2 ** 20;
const LIMITED_SECONDS = 2;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * How fast signed and verified tensors go from one board's process to another's, beside plain TCP on the same cable.
 * Numbers are defined in METHODOLOGY.md.
 */
export async function linkBench(args: readonly string[]): Promise<unknown> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rate: { type: 'string' },
      sizes: { type: 'string', default: '16,256,1024,4096' },
      signed: { type: 'boolean', default: false },
      rounds: { type: 'string', default: '5' },
      profile: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
    },
  });
  const megabits = values.rate === undefined ? undefined : Number(values.rate);
  if (megabits !== undefined && !(megabits > 0)) throw new Error(`--rate is '${values.rate}': give Mbit/s above 0`);
  const sizes = values.sizes.split(',').map((kibibytes) => Number(kibibytes) * KIBIBYTE);
  if (!sizes.every((bytes) => Number.isSafeInteger(bytes) && bytes > 0 && bytes <= MAX_TENSOR_BYTES)) {
    throw new Error(`--sizes is '${values.sizes}': give KiB, up to ${MAX_TENSOR_BYTES / KIBIBYTE}, with commas`);
  }
  const cable = layCable(megabits);
  const stop = (): never => {
    cable.remove();
    process.exit(1);
  };
  for (const signal of SIGNALS) process.once(signal, stop);
  try {
    const ends = await startEnds(cable, { profile: values.profile, signed: values.signed });
    try {
      const cases = [];
      for (const bytes of sizes) cases.push(await measure(ends, bytes, Number(values.rounds), megabits));
      const frames = values.signed ? 'signed' : 'tagged';
      return { rateMbit: megabits ?? null, frames, rounds: Number(values.rounds), cases };
    } finally {
      await ends.close();
    }
  } finally {
    for (const signal of SIGNALS) process.off(signal, stop);
    cable.remove();
  }
}

async function measure(ends: Ends, bytes: number, rounds: number, megabits: number | undefined) {
  const total = megabits === undefined ? FREE_BYTES : (megabits / 8) * 1e6 * LIMITED_SECONDS;
  // Small payloads take longer by the byte.
  const count = Math.max(8, Math.round(total / bytes / (bytes < 2 ** 17 ? 4 : 1)));
  const rate = ({ seconds }: JobResult): number => (bytes * count) / 1e6 / seconds;
  const raw: number[] = [];
  const link: number[] = [];
  const cpu: number[] = [];
  const waits: number[] = [];
  await ends.work({ kind: 'link', bytes, count: Math.min(count, 16) });
  for (let round = 0; round < rounds; round += 1) {
    raw.push(rate(await ends.work({ kind: 'raw', bytes, count })));
    const measured = await ends.work({ kind: 'link', bytes, count });
    link.push(rate(measured));
    cpu.push((1000 * measured.cpuSeconds) / ((bytes * count) / 1e6));
    const latencies = Math.ceil((megabits === undefined ? LATENCIES : Math.min(LATENCIES, count)) / rounds);
    waits.push(...(await ends.work({ kind: 'latency', bytes, count: latencies })).milliseconds);
  }
  const [MBps, rawTcpMBps] = [median(link), median(raw)];
  console.error(`${bytes} bytes: ${MBps.toFixed(0)} MB/s, plain TCP ${rawTcpMBps.toFixed(0)} MB/s`);
  return {
    bytes,
    MBps: round(MBps, 1),
    rawTcpMBps: round(rawTcpMBps, 1),
    ratio: round(MBps / rawTcpMBps, 3),
    ...(megabits === undefined ? {} : { shareOfRate: round((8 * MBps) / megabits, 3) }),
    p50ms: round(percentile(waits, 0.5), 3),
    p99ms: round(percentile(waits, 0.99), 3),
    cpuMsPerMB: round(median(cpu), 3),
    MBpsSpread: spread(link).map((value) => round(value, 1)),
    rawTcpMBpsSpread: spread(raw).map((value) => round(value, 1)),
  };
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
