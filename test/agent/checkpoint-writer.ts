import { type RunState, writeCheckpoint } from '../../agent/checkpoint/index.ts';

/** A state that is valid; tests change what they are about. */
export function runState(overrides: Partial<RunState> = {}): RunState {
  return {
    run: 'run-1',
    model: { name: 'mlp', classes: 3, inputShape: [2, 2] },
    data: { source: 'shapes', classes: ['a', 'b', 'ç'], normalization: { mean: [0.5, 0.25], std: [1, 2] } },
    seed: 7,
    step: 40,
    totalSteps: 100,
    samplesSeen: 640,
    optimizer: { name: 'sgd', options: { momentum: 0.9 } },
    learningRate: 'constant:0.05',
    batch: 16,
    microBatches: 4,
    losses: [2.5, 1.25, 1e-9],
    options: { epochs: 3, augment: true, note: null },
    ...overrides,
  };
}

/** Tensors of which every value tells the step that they are of. */
export function tensorsOf(step: number, values = 12) {
  return new Map([
    ['fc.weight', { shape: [values / 4, 4], data: new Float32Array(values).fill(step) }],
    ['fc.bias', { shape: [3], data: Float32Array.of(step, Number.NaN, -0) }],
    ['optimizer.momentum.fc.weight', { shape: [values / 4, 4], data: new Float32Array(values).fill(-step) }],
    ['count', { shape: [], data: Float32Array.of(step) }],
  ]);
}

/** Run as a program: writes one checkpoint after the other until it is killed, and says when the first is there. */
if (process.argv[1] === import.meta.filename) {
  const directory = process.argv[2]!;
  for (let step = 1; ; step++) {
    await writeCheckpoint(directory, { state: runState({ step }), tensors: tensorsOf(step, 400_000) });
    if (step === 1) process.stdout.write('ready\n');
  }
}
