import test from 'ava';
import { BufferPool, codecFor, codecOf } from '../../../agent/index.ts';
import { createLossLedger, stageCodecs } from '../../../agent/runtime/codecs.ts';
import type { LinkCodecs, Plan } from '../../../planner/index.ts';

const links: readonly LinkCodecs[] = [
  { forward: { bits: 4 }, backward: { bits: 8 } },
  { forward: { bits: 2, hadamard: true }, backward: { bits: 16 } },
];
const plan = { seed: 5, codecs: { warmUpSteps: 3, links } } as unknown as Plan;

test('a stage sends activations as the link after it says, and gradients as the one before', (t) => {
  const bits = [0, 1, 2].map((stage) => {
    const { activation, gradient } = stageCodecs(plan, stage)!;
    return [activation.bits, gradient.bits];
  });
  t.deepEqual(bits, [
    [4, 32],
    [2, 8],
    [32, 16],
  ]);
  t.is(stageCodecs({ ...plan, codecs: undefined } as unknown as Plan, 0), undefined);
});

test('every tensor is rounded by a seed of its own, which is the same in every run', (t) => {
  const { seedOf } = stageCodecs(plan, 1)!;
  const seeds = [
    seedOf('gradient', 0, 0),
    seedOf('gradient', 0, 1),
    seedOf('gradient', 1, 0),
    seedOf('activation', 0, 0),
  ];
  t.is(new Set(seeds).size, 4);
  t.is(stageCodecs(plan, 1)!.seedOf('gradient', 0, 1), seeds[1]!);
});

test('the losses of a link are a root mean square, and what is not finite is counted', (t) => {
  const ledger = createLossLedger();
  ledger.add('board2', { relativeError: 0.3, notFinite: 0 });
  ledger.add('board2', { relativeError: 0.4, notFinite: 2 });
  const { relativeError, notFinite } = ledger.found.get('board2')!;
  t.true(Math.abs(relativeError - Math.sqrt(0.125)) < 1e-12);
  t.is(notFinite, 2);
});

test('with error feedback, what is sent adds up to what there was', (t) => {
  const codec = codecFor('gradient', { bits: 2, feedback: true });
  const memory = new BufferPool();
  const values = Float32Array.from({ length: 500 }, (_, index) => Math.sin(index) / (1 + (index % 7)));
  const sums = new Float32Array(500);
  const steps = 200;
  for (let step = 0; step < steps; step++) {
    const { codec: header, payload } = codec.encode(values, { memory, seed: step, microBatch: 0 });
    const decoded = codecOf(header).decode(new Uint8Array(payload), 500, memory);
    for (let index = 0; index < 500; index++) sums[index]! += decoded[index]! / steps;
  }
  const worst = values.reduce((most, value, index) => Math.max(most, Math.abs(value - sums[index]!)), 0);
  t.true(worst < 0.03, `${worst}`);
});
