import { parseArgs } from 'node:util';
import { noCaptures } from './flotilla.ts';
import { labRun } from './lab/lab-run.ts';
import { labOptions, readLabOptions } from './lab/options.ts';
import { scenarioText } from './lab/scenario.ts';
import { median, spread } from './statistics.ts';

/** Equal boards and a split that is given: the same plan with and without, and no change of it. */
const BOARDS = ['board1', 'board2', 'board3'];
const QUOTA = 0.5;

/** What holding the state of a run for the loss of a board costs it. Numbers are defined in METHODOLOGY.md. */
export async function replicateBench(args: readonly string[]): Promise<unknown> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      ...labOptions,
      split: { type: 'string', default: '0-11,12-29,30-52' },
      survey: { type: 'string', default: '10' },
      steps: { type: 'string', default: '60' },
      rounds: { type: 'string', default: '3' },
      every: { type: 'string', default: '0' },
    },
  });
  const { split, survey } = values;
  const { sizes, megabitsPerSecond, link } = readLabOptions(values);
  const scenario = scenarioText(
    BOARDS,
    BOARDS.map(() => QUOTA),
    link,
  );
  const stepsWith = async (...words: readonly string[]): Promise<readonly number[]> => {
    const wish = { ...sizes, scenario, words: ['--split', split, '--survey', survey, ...words] };
    return (await labRun(wish)).stepSeconds;
  };
  /** Mean over all steps but the first, which warms up. */
  const stepSeconds = async (...words: readonly string[]): Promise<number> => {
    const seconds = await stepsWith(...words);
    // The last is followed by the state that the run ends with.
    return seconds.reduce((sum, each) => sum + each, 0) / seconds.length;
  };
  const every = Number(values.every);
  if (every > 0) {
    const neighbours = await stepsWith('--replicate-every', `${every}`, '--capture-every', '0');
    const hub = await stepsWith('--replicate-every', '0', '--capture-every', `${every}`);
    const costs = { neighbours: costOfEach(neighbours, every), hub: costOfEach(hub, every) };
    return { ...sizes, split, megabitsPerSecond, surveySeconds: Number(survey), every, ...costs };
  }
  const rounds: { readonly without: number; readonly holding: number }[] = [];
  for (let round = 0; round < Number(values.rounds); round += 1) {
    const without = await stepSeconds(...noCaptures);
    const holding = await stepSeconds();
    rounds.push({ without, holding });
    process.stderr.write(`${JSON.stringify(rounds.at(-1))}\n`);
  }
  const costs = rounds.map(({ without, holding }) => 1 - without / holding);
  return {
    ...sizes,
    split,
    megabitsPerSecond,
    surveySeconds: Number(survey),
    rounds: rounds.length,
    cost: median(costs),
    costSpread: spread(costs),
    stepSecondsWithout: median(rounds.map(({ without }) => without)),
    stepSeconds: median(rounds.map(({ holding }) => holding)),
  };
}

/**
 * What state that goes somewhere every so many steps costs each time: of the first half of the steps after it, what they took
 * longer than as many of the second half's median.
 */
function costOfEach(seconds: readonly number[], every: number) {
  const half = Math.floor(every / 2);
  const each: number[] = [];
  // The first entry is of step 1. The last steps are followed by the state that the run ends with.
  for (let step = every; step + every < seconds.length; step += every) {
    const calm = median(seconds.slice(step - 1 + half, step - 1 + every));
    each.push(seconds.slice(step - 1, step - 1 + half).reduce((sum, one) => sum + one - calm, 0));
  }
  return { seconds: median(each), secondsSpread: spread(each), times: each.length, stepSeconds: median(seconds) };
}
