import test from 'ava';
import {
  type CaptureCost,
  type CaptureCosts,
  costsAfterStep,
  costsInNewTerm,
  costsWhenHeld,
  type Destination,
  expectedCost,
  noCaptures,
} from '../../../planner/coordinator/capture-cost.ts';
import type { RunState } from '../../../planner/coordinator/index.ts';

/** A run as far as its captures cost anything; steps are done at the times that are given. */
class Run {
  costs: CaptureCosts = noCaptures;
  now = 0;
  steps = 0;
  readonly captured: Partial<Record<Destination, { readonly step: number }>> = {};

  get cost(): CaptureCost {
    return this.costs.hub;
  }

  get state(): RunState {
    const { hub: capture, neighbours: replication } = this.captured;
    const request = { settings: { fromStep: 0 } };
    return { costs: this.costs, capture, replication, lastStepAt: this.now, request } as unknown as RunState;
  }

  step(...seconds: readonly number[]): this {
    for (const each of seconds) {
      this.steps += 1;
      this.costs = costsAfterStep(this.state, this.steps, this.now + each);
      this.now += each;
    }
    return this;
  }

  /** The state of the next step is captured. */
  capture(to: Destination = 'hub'): this {
    this.captured[to] = { step: this.steps + 1 };
    return this;
  }

  hold(to: Destination = 'hub'): this {
    this.costs = costsWhenHeld(this.state, to);
    delete this.captured[to];
    return this;
  }
}

const near = (a: number | undefined, b: number) => Math.abs((a ?? Number.NaN) - b) < 1e-9;

test('a capture costs what the steps beside it take longer than calm ones', (t) => {
  const run = new Run().step(5, 1, 1, 1).capture().step(1, 1.4, 1.2).hold().step(1.1);
  t.true(near(run.cost.seconds, 0.7));
  t.is(run.cost.begunAt, 9);
  t.true(near(run.cost.calmSeconds, 1), 'steps beside a capture are not calm');
});

test('the first step of a term is not taken for a usual one', (t) => {
  t.is(new Run().step(5).cost.calmSeconds, undefined);
  t.true(near(new Run().step(5, 2).cost.calmSeconds, 2));
});

test('a capture that nobody felt costs nothing, and the mean of old ones fades', (t) => {
  const run = new Run().step(5, 1, 1).capture().step(1, 2).hold().step(1);
  t.true(near(run.cost.seconds, 1));
  run.capture().step(1, 1).hold().step(1);
  t.true(near(run.cost.seconds, 0.5));
});

test('a capture that ends with its term tells nothing, nor do the steps of another plan', (t) => {
  const run = new Run().step(5, 1, 1).capture().step(1, 9);
  const { calmSeconds, latest, begunAt } = costsInNewTerm(run.state).hub;
  t.deepEqual([calmSeconds, latest], [undefined, undefined]);
  t.is(begunAt, run.now - 9);
});

test('replicas have a cost of their own, and of two that are beside each other nothing is learned', (t) => {
  const run = new Run().step(5, 1, 1).capture('neighbours').step(1, 1.5).hold('neighbours').step(1);
  t.true(near(run.costs.neighbours.seconds, 0.5));
  t.is(run.costs.hub.seconds, undefined);
  t.true(near(run.costs.hub.calmSeconds, 1), 'steps beside a replica are not calm for the hub either');
  run.capture().capture('neighbours').step(1, 9).hold('neighbours').step(9).hold().step(1);
  t.true(near(run.costs.neighbours.seconds, 0.5));
  t.is(run.costs.hub.seconds, undefined);
  run.capture('neighbours').step(1, 1).hold('neighbours').step(1);
  t.true(near(run.costs.neighbours.seconds, 0.25));
});

const megabyte = { name: 'weights', shape: [250_000] };
const stage = (index: number, board: string, firstBlock: number, lastBlock: number) => {
  return { stage: index, board, firstBlock, lastBlock };
};

function beforeTheFirst(surveys: ReadonlyMap<string, unknown>): RunState {
  const request = { layout: [[megabyte], [megabyte, megabyte], [megabyte]] };
  const stages = [stage(0, 'pi-1', 0, 0), stage(1, 'pi-2', 1, 2)];
  return { costs: noCaptures, survey: { surveys }, stages, request } as unknown as RunState;
}

test('before the first capture it is the time that the largest state takes on its board’s link', (t) => {
  const transfers = [1e5, 1e6].flatMap((bytes) => Array.from({ length: 5 }, () => ({ bytes, seconds: bytes / 1e7 })));
  const slow = new Map([['pi-2', { links: [{ to: 'pi-1', transfers }] }]]);
  for (const to of ['hub', 'neighbours'] as const) {
    t.true(Math.abs(expectedCost(beforeTheFirst(slow), to) - 0.3) < 0.02);
    t.true(near(expectedCost(beforeTheFirst(new Map()), to), 0.03), 'a nominal link where none was surveyed');
  }
});
