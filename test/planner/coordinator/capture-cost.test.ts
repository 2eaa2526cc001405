import test from 'ava';
import {
  type CaptureCost,
  costAfterStep,
  costInNewTerm,
  costWhenHeld,
  expectedCost,
  noCaptures,
} from '../../../planner/coordinator/capture-cost.ts';
import type { RunState } from '../../../planner/coordinator/index.ts';

/** A run as far as its captures cost anything; steps are done at the times that are given. */
class Run {
  cost: CaptureCost = noCaptures;
  now = 0;
  steps = 0;
  captured: number | undefined;

  get state(): RunState {
    const capture = this.captured === undefined ? undefined : { step: this.captured };
    const request = { settings: { fromStep: 0 } };
    return { captureCost: this.cost, capture, lastStepAt: this.now, request } as unknown as RunState;
  }

  step(...seconds: readonly number[]): this {
    for (const each of seconds) {
      this.steps += 1;
      this.cost = costAfterStep(this.state, this.steps, this.now + each);
      this.now += each;
    }
    return this;
  }

  /** The state of the next step is captured. */
  capture(): this {
    this.captured = this.steps + 1;
    return this;
  }

  hold(): this {
    this.cost = costWhenHeld(this.state);
    this.captured = undefined;
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
  const { calmSeconds, latest, begunAt } = costInNewTerm(run.state);
  t.deepEqual([calmSeconds, latest], [undefined, undefined]);
  t.is(begunAt, run.now - 9);
});

const megabyte = { name: 'weights', shape: [250_000] };
const stage = (board: string, firstBlock: number, lastBlock: number) => ({ board, firstBlock, lastBlock });

function beforeTheFirst(surveys: ReadonlyMap<string, unknown>): RunState {
  const request = { layout: [[megabyte], [megabyte, megabyte], [megabyte]] };
  const stages = [stage('pi-1', 0, 0), stage('pi-2', 1, 2)];
  return { captureCost: noCaptures, survey: { surveys }, stages, request } as unknown as RunState;
}

test('before the first capture it is the time that the largest state takes on its board’s link', (t) => {
  const transfers = [1e5, 1e6].flatMap((bytes) => Array.from({ length: 5 }, () => ({ bytes, seconds: bytes / 1e7 })));
  const slow = new Map([['pi-2', { links: [{ to: 'pi-1', transfers }] }]]);
  t.true(Math.abs(expectedCost(beforeTheFirst(slow)) - 0.3) < 0.02);
  t.true(near(expectedCost(beforeTheFirst(new Map())), 0.03), 'a nominal link where none was surveyed');
});
