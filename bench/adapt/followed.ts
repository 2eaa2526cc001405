import { noCaptures } from '../flotilla.ts';
import { type LabRecord, type LabWish, labRun } from '../lab/lab-run.ts';
import { boardNames, quotas, scenarioText } from '../lab/scenario.ts';
import { median, spread } from '../statistics.ts';

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
export const followedCases: Readonly<Record<string, Case>> = {
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

export interface FollowedWish extends Omit<LabWish, 'scenario'> {
  /** As a scenario writes it. */
  readonly link: string;
  readonly rounds: number;
}

/** How a run follows a board that changes for good, against the plan that it would have begun with. */
export async function followed(name: string, { link, rounds: count, ...sizes }: FollowedWish) {
  const { before, after, event } = followedCases[name]!;
  const wish = { ...sizes, words: noCaptures, patienceSeconds: 900 };
  const rounds: ReturnType<typeof roundOf>[] = [];
  for (let round = 0; round < count; round++) {
    const adapted = await labRun({ ...wish, scenario: scenarioText(boardNames, before, link, [event]) });
    const best = await labRun({ ...wish, steps: 2 * LAST_STEPS, scenario: scenarioText(boardNames, after, link) });
    rounds.push(roundOf(adapted, best));
    console.error(`${name}: ${JSON.stringify(rounds.at(-1))}`);
  }
  const of = (key: keyof ReturnType<typeof roundOf>) => rounds.map((each) => each[key]);
  const shares = of('shareOfStatic');
  return {
    case: name,
    secondsUntilNewPlan: median(of('secondsUntilNewPlan')),
    changes: median(of('changes')),
    stepSeconds: median(of('stepSeconds')),
    staticStepSeconds: median(of('staticStepSeconds')),
    shareOfStatic: median(shares),
    shareSpread: spread(shares),
  };
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
