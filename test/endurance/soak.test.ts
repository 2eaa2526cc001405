/** Faults at random for a long time: what every process takes stays the same. `make soak` is the long form. */
import { writeFile } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import type { Campaign } from '../fleet/chaos/campaign.ts';
import { endure } from '../fleet/chaos/endure.ts';
import { faults } from '../fleet/chaos/faults.ts';
import { shuffled } from '../fleet/chaos/order.ts';
import { inChaos } from '../fleet/chaos/scene.ts';
import { type MostWritten, mostOf, nothingWritten } from './soak/files.ts';
import { Lives } from './soak/processes.ts';
import { growthOf, wordsOf } from './soak/verdict.ts';

/** `FLOTILLA_SOAK=60` goes on for so many minutes, with faults of `FLOTILLA_SEED`: `make soak`. */
const minutes = Number(process.env.FLOTILLA_SOAK ?? 0);
const seed = Number(process.env.FLOTILLA_SEED ?? 1);
const isLong = minutes > 0;
const steps = isLong ? Number(process.env.FLOTILLA_STEPS ?? 6000) : 300;
const SAMPLE_MILLISECONDS = 1_000;
const GROWTH_BYTES = 20e6;
/** A board with the first block of the model takes so much more than one with the last (bench/results/soak.md): plans change. */
const BOARD_GROWTH_BYTES = GROWTH_BYTES + 90e6;
/** A connection that is being made anew is there twice. */
const GROWTH_HANDLES = 4;
/** What a run's log, its output and its checkpoints may ever come to: docs/recovery.md. */
const mostWritten: MostWritten = { runLogBytes: 70_000, outputBytes: 5 << 20, checkpointFiles: 10 };
const few = ['a board stands still for 1 s', 'a board is killed', 'a board loses 30 % of its packets'];
/** They end the processes that are to be watched for long: not in every round. */
const ending = /hub|the run's process/;
const ROUNDS_WITHOUT_ENDING = 3;

/** All kinds again and again, but for those at the beginning of a run: it is to be a long one. */
function manyFaults(random: () => number, possible: readonly string[]): string[] {
  const kinds = possible.filter((name) => faults[name]!.moment === undefined);
  const gentle = kinds.filter((name) => !ending.test(name) || name === 'the disk of the hub is full');
  const rounds = Math.ceil(minutes);
  return Array.from({ length: rounds }, (_, round) =>
    shuffled(random, (round + 1) % ROUNDS_WITHOUT_ENDING === 0 ? kinds : gentle),
  ).flat();
}

interface Watched {
  readonly lives: Lives;
  /** Of the latest sample. */
  most(): MostWritten;
  end(): Promise<void>;
}

function watch(campaign: Campaign): Watched {
  const lives = new Lives(campaign.cwd);
  const ended = new AbortController();
  const { signal } = ended;
  let most = nothingWritten;
  const watching = (async () => {
    while (!signal.aborted) {
      await lives.look();
      most = await mostOf(most, campaign.directory);
      await wait(SAMPLE_MILLISECONDS, undefined, { signal }).catch(() => {});
    }
  })();
  return {
    lives,
    most: () => most,
    async end() {
      ended.abort();
      await watching;
    },
  };
}

function judge(t: ExecutionContext, { lives, most: mostNow }: Watched): void {
  const written = mostNow();
  const growths = lives.all.flatMap((life) => growthOf(life) ?? []);
  for (const growth of growths) {
    const [bytes, handles] = [growth.bytes, growth.handles].map(([first, last]) => last! - first!);
    t.log(wordsOf(growth));
    const most = growth.name.startsWith('board') ? BOARD_GROWTH_BYTES : GROWTH_BYTES;
    t.true(bytes! <= most, `memory of ${wordsOf(growth)}`);
    t.true(handles! <= GROWTH_HANDLES, `descriptors of ${wordsOf(growth)}`);
  }
  t.log(`${lives.all.length} processes, ${growths.length} of them long enough; at most ${JSON.stringify(written)}`);
  for (const key of Object.keys(mostWritten) as (keyof MostWritten)[])
    t.true(written[key] <= mostWritten[key], `${key}: ${written[key]}, not more than ${mostWritten[key]}`);
  const names = new Set(lives.all.map(({ name }) => name));
  t.deepEqual([...names].sort(), ['board1', 'board2', 'board3', 'board4', 'hub', 'run']);
  if (isLong) t.true(growths.length > 0, 'some process lives long enough to be judged');
}

const length = isLong ? `${minutes} minutes` : 'a moment';
test.serial(
  `faults at random for ${length} (seed ${seed}): memory, descriptors and logs stay as they are`,
  async (t) => {
    const patience = isLong ? (minutes + 30) * 60_000 : 240_000;
    t.timeout(patience);
    await inChaos(t, { seed, steps, patience }, async ({ campaign, commands, undisturbed }) => {
      // One board is never killed: it sees all that the others suffer.
      campaign.spared = ['board1'];
      if (!isLong) campaign.hangSeconds *= 2;
      const possible = Object.keys(faults).filter((name) => !campaign.ground.missing.has(faults[name]!.needs!));
      const until = performance.now() + minutes * 60_000;
      const watched = watch(campaign);
      try {
        const done = await endure(t, campaign, {
          commands,
          undisturbed,
          ahead: isLong ? manyFaults(campaign.random, possible) : few.filter((name) => possible.includes(name)),
          isEnough: () => isLong && performance.now() > until,
          say(fault, seconds) {
            if (isLong) console.log(new Date().toISOString(), fault, seconds.toFixed(1));
          },
        });
        t.log(`${done} faults`);
      } finally {
        await watched.end();
        const file = process.env.FLOTILLA_SOAK_SAMPLES;
        if (file !== undefined) await writeFile(file, JSON.stringify(watched.lives.all));
      }
      judge(t, watched);
    });
  },
);
