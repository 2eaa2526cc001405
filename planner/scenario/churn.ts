import { randomStream } from '../../models/index.ts';
import { MemoryError } from '../errors.ts';
import { type Partition, partitionOfFastest } from '../partition/index.ts';
import { type ScenarioProblem, scenarioProblem } from './plan.ts';
import type { Churn, Scenario, ScenarioBoard } from './types.ts';

/** A board leaves the fleet or comes back to it. `at` is in seconds of virtual time. */
export type FleetChange = {
  readonly at: number;
  readonly kind: 'left' | 'joined';
  readonly board: string;
  readonly online: readonly ScenarioBoard[];
};

/**
 * The changes of a fleet, in order of time: boards leave and join as two Poisson processes with the scenario's rates;
 * who leaves is drawn among those online, who joins among those that left. All are online at the start.
 */
export function* fleetChanges(boards: readonly ScenarioBoard[], churn: Churn): Generator<FleetChange> {
  const random = randomStream(churn.seed, 'churn');
  const perSecond = (share: number) => (share * boards.length) / 60;
  const rates = { left: perSecond(churn.leavePerMinute), joined: perSecond(churn.joinPerMinute) };
  const whole = rates.left + rates.joined;
  const online = [...boards];
  const offline: ScenarioBoard[] = [];
  if (whole === 0) return;
  for (let at = 0; ; ) {
    at += -Math.log(1 - random.uniform()) / whole;
    if (at > 60 * churn.minutes) return;
    const kind = random.uniform() * whole < rates.left ? 'left' : 'joined';
    const [from, to] = kind === 'left' ? [online, offline] : [offline, online];
    if (from.length === 0) continue;
    const [board] = from.splice(random.integer(from.length), 1);
    to.push(board!);
    yield { at, kind, board: board!.id, online };
  }
}

/** What a fleet would have done while its boards came and went. */
export type ChurnSummary = {
  readonly changes: number;
  /** Changes after which there was a plan, and those after which no plan fitted. */
  readonly plans: number;
  readonly without: number;
  /** Steps that a board which left took with it. */
  readonly interrupted: number;
  readonly samples: number;
  readonly seconds: number;
  readonly boardsUsed: { readonly least: number; readonly most: number };
  readonly stepSeconds: { readonly least: number; readonly most: number };
};

export type ChurnWatcher = {
  /** Called for each change, before and after planning. */
  readonly onChange?: (change: FleetChange) => void;
  readonly onPlan?: (plan: Partition | undefined, online: readonly ScenarioBoard[]) => void;
};

/**
 * Plans anew after every change of the fleet, in virtual time: between changes steps follow each other as planned; the
 * step under way is lost when one of its boards leaves. Moving blocks takes no time here.
 */
export function simulateChurn(scenario: Scenario, churn: Churn, watcher: ChurnWatcher = {}): ChurnSummary {
  const problem = scenarioProblem(scenario);
  const tally = new Tally(scenario.batch);
  let plan = planOf(problem, scenario.boards);
  let since = 0;
  for (const change of fleetChanges(scenario.boards, churn)) {
    watcher.onChange?.(change);
    const isHit = change.kind === 'left' && plan?.stages.some(({ board }) => board === change.board) === true;
    tally.trained(plan, change.at - since, isHit);
    since = change.at;
    plan = change.online.length === 0 ? undefined : planOf(problem, change.online);
    tally.planned(plan);
    watcher.onPlan?.(plan, change.online);
  }
  tally.trained(plan, 60 * churn.minutes - since, false);
  return tally.summary(60 * churn.minutes);
}

function planOf(problem: ScenarioProblem, online: readonly ScenarioBoard[]): Partition | undefined {
  try {
    return partitionOfFastest(problem.requestsFor(online));
  } catch (error) {
    if (error instanceof MemoryError) return undefined;
    throw error;
  }
}

class Tally {
  readonly #batch: number;
  #plans = 0;
  #without = 0;
  #interrupted = 0;
  #samples = 0;
  readonly #used: number[] = [];
  readonly #steps: number[] = [];

  constructor(batch: number) {
    this.#batch = batch;
  }

  planned(plan: Partition | undefined): void {
    if (plan === undefined) this.#without++;
    else this.#plans++;
  }

  trained(plan: Partition | undefined, seconds: number, isHit: boolean): void {
    if (plan === undefined) return;
    this.#used.push(plan.stages.length);
    this.#steps.push(plan.stepSeconds);
    this.#samples += this.#batch * Math.floor(seconds / plan.stepSeconds);
    if (isHit) this.#interrupted++;
  }

  summary(seconds: number): ChurnSummary {
    const range = (values: readonly number[]) => ({ least: Math.min(...values), most: Math.max(...values) });
    return {
      changes: this.#plans + this.#without,
      plans: this.#plans,
      without: this.#without,
      interrupted: this.#interrupted,
      samples: this.#samples,
      seconds,
      boardsUsed: range(this.#used),
      stepSeconds: range(this.#steps),
    };
  }
}
