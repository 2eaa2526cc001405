import { parseArgs } from 'node:util';
import { noCaptures } from './flotilla.ts';
import { type LabRecord, labRun } from './lab/lab-run.ts';
import { labOptions, readLabOptions } from './lab/options.ts';
import { boardNames, quotas, scenarioText } from './lab/scenario.ts';
import { median, spread } from './statistics.ts';

/** The event comes when so many steps are done. */
const CALM_STEPS = 10;
/** The last steps of a run tell how fast it is in the end. */
const LAST_STEPS = 10;

interface Case {
  /** Shares of a core at the beginning, board by board, and in the end. */
  readonly before: readonly number[];
  readonly after: readonly number[];
  /** As a scenario writes it. */
  readonly event: string;
}

/** What happens to a board in mid-run. */
const cases: Readonly<Record<string, Case>> = {
  throttles: {
    before: quotas,
    after: [0.2, ...quotas.slice(1)],
    event: `{ after: ${CALM_STEPS} steps, board: board1, event: quota, quota: 0.2 }`,
  },
  joins: {
    before: quotas,
    after: quotas,
    event: `{ after: ${CALM_STEPS} steps, board: board1, event: joins }`,
  },
};

/** How a run follows boards that change, against the plan that it would have begun with. Numbers are defined in METHODOLOGY.md. */
export async function adaptBench(args: readonly string[]): Promise<unknown> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      ...labOptions,
      steps: { type: 'string', default: '80' },
      rounds: { type: 'string', default: '1' },
      cases: { type: 'string', default: Object.keys(cases).join() },
    },
  });
  const { sizes, megabitsPerSecond, link } = readLabOptions(values);
  const wish = { ...sizes, words: noCaptures, patienceSeconds: 900 };
  const found = [];
  for (const name of values.cases.split(',')) {
    const chosen = cases[name];
    if (chosen === undefined) throw new Error(`--cases has '${name}': choose among ${Object.keys(cases).join(', ')}`);
    const { before, after, event } = chosen;
    const rounds: ReturnType<typeof roundOf>[] = [];
    for (let round = 0; round < Number(values.rounds); round++) {
      const scenario = scenarioText(boardNames, before, link, [event]);
      const adapted = await labRun({ ...wish, scenario });
      const best = await labRun({ ...wish, steps: 2 * LAST_STEPS, scenario: scenarioText(boardNames, after, link) });
      rounds.push(roundOf(adapted, best));
      console.error(`${name}: ${JSON.stringify(rounds.at(-1))}`);
    }
    const of = (key: keyof ReturnType<typeof roundOf>) => rounds.map((each) => each[key]);
    const shares = of('shareOfStatic');
    found.push({
      case: name,
      secondsUntilNewPlan: median(of('secondsUntilNewPlan')),
      changes: median(of('changes')),
      stepSeconds: median(of('stepSeconds')),
      staticStepSeconds: median(of('staticStepSeconds')),
      shareOfStatic: median(shares),
      shareSpread: spread(shares),
    });
  }
  const { model, batch, microBatches } = sizes;
  return { model, batch, microBatches, megabitsPerSecond, rounds: Number(values.rounds), cases: found };
}

function roundOf({ stepSeconds, recoveries }: LabRecord, best: LabRecord) {
  const first = recoveries.find(({ step }) => step >= CALM_STEPS);
  // stepSeconds begins with the second step.
  const until = first === undefined ? stepSeconds.length : first.step - 1;
  const handover = first?.trainingAt === undefined ? 0 : first.trainingAt - first.at;
  const seconds = stepSeconds.slice(CALM_STEPS - 1, until).reduce((sum, each) => sum + each, 0) + handover;
  const step = median(stepSeconds.slice(-LAST_STEPS));
  const staticStep = median(best.stepSeconds.slice(-LAST_STEPS));
  return {
    secondsUntilNewPlan: seconds,
    changes: recoveries.length,
    stepSeconds: step,
    staticStepSeconds: staticStep,
    shareOfStatic: staticStep / step,
  };
}
