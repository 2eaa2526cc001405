/** Faults at random for a long time: what every process takes stays the same. `make soak` is the long form. */
import { writeFile } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { ENDED_RUNS_KEPT } from '../../cli/processes/ended-runs.ts';
import { engineBaseBytes } from '../../planner/memory.ts';
import type { Campaign } from '../fleet/chaos/campaign.ts';
import { endure } from '../fleet/chaos/endure.ts';
import { faults } from '../fleet/chaos/faults.ts';
import { Journal } from '../fleet/chaos/journal.ts';
import { shuffled } from '../fleet/chaos/order.ts';
import { BOARDS, inChaos } from '../fleet/chaos/scene.ts';
import { type MostWritten, mostOf, nothingWritten } from './soak/files.ts';
import { Lives } from './soak/processes.ts';
import { growthOf, problemsOf, wordsOf } from './soak/verdict.ts';

/** `FLOTILLA_SOAK=60` goes on for so many minutes, with faults of `FLOTILLA_SEED`: `make soak`. */
const minutes = Number(process.env.FLOTILLA_SOAK ?? 0);
const seed = Number(process.env.FLOTILLA_SEED ?? 1);
const isLong = minutes > 0;
const steps = isLong ? Number(process.env.FLOTILLA_STEPS ?? 6000) : 300;
const SAMPLE_MILLISECONDS = 1_000;
/** So many samples from one look at what the hub has retained to the next. */
const RETAINED_EVERY = 30;
/** Five of a board, and three of a run: of those that are over, and of the one that is not. [docs/topics.md] */
const mostRetained = 5 * BOARDS + 3 * (ENDED_RUNS_KEPT + 1);
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
  const { observer } = campaign;
  const stageBytes = (board: string) => Math.max(0, (observer.memoryBytes[board] ?? 0) - engineBaseBytes);
  const lives = new Lives(campaign.cwd, stageBytes);
  const ended = new AbortController();
  const { signal } = ended;
  let most = nothingWritten;
  const watching = (async () => {
    for (let sample = 0; !signal.aborted; sample += 1) {
      await lives.look();
      if (sample % RETAINED_EVERY === 0) observer.countRetained();
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

function judge(t: ExecutionContext, { lives, most: mostNow }: Watched, retained: number): void {
  const written = mostNow();
  const growths = lives.all.flatMap((life) => growthOf(life) ?? []);
  for (const growth of growths) t.log(wordsOf(growth));
  t.log(
    `${lives.all.length} processes, ${growths.length} of them long enough; at most ${JSON.stringify({ ...written, retained })}`,
  );
  t.deepEqual(growths.flatMap(problemsOf), []);
  t.true(retained > 0 && retained <= mostRetained, `${retained} retained topics, not more than ${mostRetained}`);
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
      const journal = new Journal();
      try {
        await endure(t, campaign, {
          commands,
          undisturbed,
          ahead: isLong ? manyFaults(campaign.random, possible) : few.filter((name) => possible.includes(name)),
          isEnough: () => isLong && performance.now() > until,
          begins(what) {
            const line = journal.begins(what);
            if (isLong) console.log(line);
          },
          say(fault, seconds, run) {
            const line = journal.survived(fault, seconds, run);
            if (isLong) console.log(line);
          },
        });
      } finally {
        for (const line of journal.summary()) t.log(line);
        await watched.end();
        const file = process.env.FLOTILLA_SOAK_SAMPLES;
        if (file !== undefined) await writeFile(file, JSON.stringify(watched.lives.all));
      }
      judge(t, watched, campaign.observer.mostRetained);
    });
  },
);
