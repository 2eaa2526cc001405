import type { LinkReceiver, LinkSender, Transport } from '../../broker/index.ts';
import type { MeasuredLink, MessageCost, Transfer } from '../../planner/index.ts';

export interface LinkPlace {
  readonly run: string;
  readonly term: number;
}

/** As long as typical activations; both are whole numbers of float32 values. */
const sizes = [16_384, 262_144] as const;
/** Of each size in a round, after those that warm the program up: on a slow board the first ones take several times as long. */
const transfersEach = 5;
const warmUps = 12;
/** To the board itself: what a message costs is small beside what else the board's processor does meanwhile. */
const roundsToItself = 4;
/** A board that has not opened its end by then is left out. */
const openMilliseconds = 15_000;
/** A link so slow is known well enough by what came through. */
const linkMilliseconds = 5_000;

/** Receives what other boards send to get to know their links: one tensor at a time, which is dropped. */
export function openProbeReceiver(transport: Transport, from: string, { run, term }: LinkPlace): Promise<LinkReceiver> {
  return transport.openReceiver({
    from,
    run,
    term,
    maxTensorBytes: Math.max(...sizes),
    credits: { activation: 1 },
    onTensor: (tensor) => tensor.release(),
  });
}

/** Times tensors to another board; fewer, or none, where the link is slow or does not open. */
export function measureLink(...link: LinkArguments): Promise<TimedLink> {
  return timedLink(1, ...link);
}

/** The same to the board itself, for longer. */
export function measureMessages(...link: LinkArguments): Promise<TimedLink> {
  return timedLink(roundsToItself, ...link);
}

type LinkArguments = [transport: Transport, to: string, url: string, place: LinkPlace, signal: AbortSignal];

async function timedLink(rounds: number, ...[transport, to, url, place, signal]: LinkArguments): Promise<TimedLink> {
  const opening = AbortSignal.any([signal, AbortSignal.timeout(openMilliseconds)]);
  const sender = await transport.openSender({ to, url, ...place, signal: opening }).catch(() => undefined);
  signal.throwIfAborted();
  if (sender === undefined) return { to, transfers: [] };
  const transfers: TimedTransfer[] = [];
  try {
    const patience = AbortSignal.any([signal, AbortSignal.timeout(linkMilliseconds)]);
    await timeTransfers(sender, rounds, transfers, patience).catch(() => {});
    signal.throwIfAborted();
  } finally {
    await sender.close();
  }
  return { to, transfers };
}

/** A transfer, and what it took of this process's processor time: sending alone, or both ends where it is to itself. */
interface TimedTransfer extends Transfer {
  readonly cpuSeconds: number;
}

/** The link without what only the board itself wants to know. */
export function measuredLink({ to, transfers }: TimedLink): MeasuredLink {
  return { to, transfers: transfers.map(({ bytes, seconds }) => ({ bytes, seconds })) };
}

export interface TimedLink {
  readonly to: string;
  readonly transfers: readonly TimedTransfer[];
}

/** With one credit a tensor leaves when the one before has arrived and its credit is back: that is one transfer. */
async function timeTransfers(
  sender: LinkSender,
  rounds: number,
  transfers: TimedTransfer[],
  signal: AbortSignal,
): Promise<void> {
  let step = 0;
  const send = async (bytes: number): Promise<{ readonly wall: number; readonly cpu: number }> => {
    const values = new Float32Array(bytes / 4);
    const meta = { kind: 'activation', step: step++, microBatch: 0, slot: 0, dtype: 'float32' } as const;
    await sender.send({ ...meta, shape: [values.length] }, values, signal);
    const { user, system } = process.cpuUsage();
    return { wall: performance.now() / 1000, cpu: (user + system) / 1e6 };
  };
  for (let count = 0; count < warmUps; count++) await send(sizes[0]);
  // Sizes in turn, so that whatever else goes on meets each alike.
  for (const bytes of Array.from({ length: rounds }, () => sizes).flat()) {
    // The interval before it is of the size before.
    let last = await send(bytes);
    for (let count = 0; count < transfersEach; count++) {
      const now = await send(bytes);
      transfers.push({ bytes, seconds: now.wall - last.wall, cpuSeconds: now.cpu - last.cpu });
      last = now;
    }
  }
}

/**
 * From transfers of a board to itself, which its own processor does from end to end. What counts is processor time, and
 * by the clock that takes as much longer as the board has less than a core.
 */
export function messageCostOf(transfers: readonly TimedTransfer[], cores: number, threads: number): MessageCost {
  const besideComputing = cores >= threads + 1;
  const [small, large] = sizes.map((size) => median(transfers.filter(({ bytes }) => bytes === size))) as [
    number,
    number,
  ];
  const share = Math.min(1, cores);
  const secondsPerByte = Math.max(0, (large - small) / (sizes[1] - sizes[0])) / share;
  return { seconds: Math.max(0, small / share - sizes[0] * secondsPerByte), secondsPerByte, besideComputing };
}

function median(transfers: readonly TimedTransfer[]): number {
  const sorted = transfers.map(({ cpuSeconds }) => cpuSeconds).sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? 0;
}
