import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import { silent, topics } from '../../../broker/index.ts';
import { startWatching } from '../../../cli/watching/session.ts';
import type { Seen } from '../../../dashboard/index.ts';
import { shedIn } from '../steps.ts';
import { type Heard, RETAINED } from './observer.ts';

// Watches the fleet in the directory that is given, from where its hub is, and prints what it hears as lines of JSON: until
// its standard input closes. Asked on it for what the hub has retained, it counts the topics as somebody new would get them.

const [directory] = process.argv.slice(2);
const place = shedIn(directory!);
const LOOK_MILLISECONDS = 1_000;

const say = (heard: Heard): void => console.log(JSON.stringify(heard));

function tell({ topic, message }: Seen): void {
  if (topic === 'runMetrics') say({ what: 'step' });
  if (topic === 'runEvents') say({ what: message.what });
  if (topic === 'runPlan') {
    const { stages } = message.plan as { readonly stages: readonly { board: string; memoryBytes: number }[] };
    say({ what: 'plan', memoryBytes: Object.fromEntries(stages.map((stage) => [stage.board, stage.memoryBytes])) });
  }
}

const watch = (onSeen: (seen: Seen) => void) =>
  startWatching(place, {
    hub: undefined,
    log: silent,
    signal: new AbortController().signal,
    onSeen: (_, seen) => onSeen(seen),
  });

async function countRetained(): Promise<number> {
  const seen = new Set<string>();
  const session = await watch(({ topic, id }) => topics[topic].retained && seen.add(`${topic} ${id}`));
  await wait(LOOK_MILLISECONDS);
  await session.close();
  return seen.size;
}

const session = await watch(tell);
createInterface({ input: process.stdin }).on('line', async (line) => {
  // A hub that was killed has retained nothing.
  if (line === RETAINED) say({ what: RETAINED, topics: await countRetained().catch(() => 0) });
});
await once(process.stdin, 'close');
await session.close();
