import { parseArgs } from 'node:util';
import { noCaptures } from './flotilla.ts';
import { type Change, type LabRecord, labRun } from './lab/lab-run.ts';
import { labOptions, readLabOptions } from './lab/options.ts';
import { boardNames, quotas, scenarioText } from './lab/scenario.ts';
import { median, spread } from './statistics.ts';

/** A change is asked for when so many steps are done, by taking most of its share of a core from a board. */
const CALM_STEPS = 10;
const WEAK_BOARD = 'board2';
const WEAK_QUOTA = 0.1;
/** Steps on both sides of the change that are told with it. */
const STEPS_AROUND = 4;

interface Round {
  readonly pauseSeconds: number;
  readonly stepSeconds: number;
  readonly movedMB: number;
  readonly prepareSeconds: number;
  readonly handoverSeconds: number;
  readonly shareDuringPrepare: number | undefined;
  /** Seconds of the steps before the change and after it. */
  readonly around: readonly number[];
}

/** What a planned change of plan costs a run in the lab. Numbers are defined in METHODOLOGY.md. */
export async function repartitionBench(args: readonly string[]): Promise<unknown> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      ...labOptions,
      steps: { type: 'string', default: '60' },
      rounds: { type: 'string', default: '3' },
    },
  });
  const { sizes, megabitsPerSecond, link } = readLabOptions(values);
  const weakens = `{ after: ${CALM_STEPS} steps, board: ${WEAK_BOARD}, event: quota, quota: ${WEAK_QUOTA} }`;
  const scenario = scenarioText(boardNames, quotas, link, [weakens]);
  const rounds: Round[] = [];
  for (let index = 0; index < Number(values.rounds); index += 1) {
    const record = await labRun({ ...sizes, scenario, words: noCaptures, patienceSeconds: 900 });
    rounds.push(roundOf(record));
    process.stderr.write(`${JSON.stringify(rounds.at(-1))}\n`);
  }
  const of = (key: Exclude<keyof Round, 'around'>) => rounds.flatMap((round) => round[key] ?? []);
  const { model, batch, microBatches } = sizes;
  return {
    model,
    batch,
    microBatches,
    megabitsPerSecond,
    rounds: rounds.length,
    pauseSeconds: median(of('pauseSeconds')),
    stepSeconds: median(of('stepSeconds')),
    movedMB: median(of('movedMB')),
    prepareSeconds: median(of('prepareSeconds')),
    handoverSeconds: median(of('handoverSeconds')),
    shareDuringPrepare: median(of('shareDuringPrepare')),
    pauseSpread: spread(of('pauseSeconds')),
    prepareSpread: spread(of('prepareSeconds')),
    shareSpread: spread(of('shareDuringPrepare')),
  };
}

function roundOf({ recoveries, stepSeconds }: LabRecord): Round {
  const change = recoveries.find(({ proposedAt }) => proposedAt !== undefined);
  if (change === undefined) throw new Error('no change of plan was prepared beside training: give more --steps');
  const { step, trainingAt, at, movedBytes = 0 } = change;
  const [proposedAt, readyAt] = [change.proposedAt!, change.readyAt!];
  // The second step of a plan and on; the last is followed by the end of the run.
  const steady = median(stepSeconds.slice(step, -1));
  return {
    // It is the first step of the new plan that takes longer.
    pauseSeconds: stepSeconds[step - 1]! - steady,
    stepSeconds: steady,
    movedMB: movedBytes / 1e6,
    prepareSeconds: readyAt - proposedAt,
    handoverSeconds: trainingAt! - at,
    shareDuringPrepare: shareDuring(change, stepSeconds),
    around: stepSeconds.slice(Math.max(0, step - 1 - STEPS_AROUND), step - 1 + STEPS_AROUND),
  };
}

/**
 * Steps a second while the next plan was made ready ÷ those of the step right before; a step that is partly within counts in part. The one
 * before that may still have had all of the board that became slow.
 */
function shareDuring({ step, at, proposedAt, readyAt }: Change, stepSeconds: readonly number[]): number | undefined {
  const ends = new Map<number, number>();
  let end = at;
  for (let index = step - 1; index >= 1; index -= 1) {
    ends.set(index, end);
    end -= stepSeconds[index - 1]!;
  }
  const timed = [...ends].map(([index, ended]) => ({ ended, seconds: stepSeconds[index - 1]! }));
  const before = timed.find(({ ended }) => ended <= proposedAt!);
  if (before === undefined) return undefined;
  const during = timed.reduce((steps, { ended, seconds }) => {
    const within = Math.min(ended, readyAt!) - Math.max(ended - seconds, proposedAt!);
    return steps + Math.max(0, within) / seconds;
  }, 0);
  return (during * before.seconds) / (readyAt! - proposedAt!);
}
