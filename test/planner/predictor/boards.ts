import { buildModel, splitIntoBlocks, zoo } from '../../../models/index.ts';
import {
  type BoardSamples,
  blockWorks,
  defaultFitOptions,
  type FittedModel,
  fitModel,
  probeNames,
  probeSource,
  type Trials,
  type Work,
  worksOf,
} from '../../../planner/index.ts';
import { type Kind, kinds } from '../../../planner/predictor/work/kinds.ts';
import { randomFrom } from '../../random.ts';

/** Boards that do not exist: each takes a time of its own for a unit of each kind of effort. */
export interface ImaginedBoard {
  readonly name: string;
  readonly secondsPerFlop: number;
  readonly secondsPerByte: number;
  readonly secondsPerCall: number;
  /** Deviation of the logarithm of a measurement. */
  readonly noise: number;
}

export function aBoardLike(overrides: Partial<ImaginedBoard> = {}): ImaginedBoard {
  return {
    name: 'imagined',
    secondsPerFlop: 1e-10,
    secondsPerByte: 5e-10,
    secondsPerCall: 3e-5,
    noise: 0.03,
    ...overrides,
  };
}

const counted: readonly Kind[] = ['nodes', 'tensors', 'calls', 'update runs', 'plain depthwise maps'];

/** What a board really takes. */
export function trueSeconds(board: ImaginedBoard, work: Work): number {
  return kinds.reduce((sum, kind, index) => {
    const amount = work.amounts[index]!;
    if (counted.includes(kind)) return sum + amount * board.secondsPerCall * (kind === 'calls' ? 1 : 0.05);
    return sum + amount * (kind.endsWith('flops') ? board.secondsPerFlop : board.secondsPerByte);
  }, 0);
}

const capabilities = { channelBlock: 8 } as const;
const options = { capabilities, optimizerSlots: 1 };

export const probeWorks: readonly Work[] = probeNames.flatMap((name) => worksOf(probeSource(name), options));

/** The works of the small models at one micro-batch size. */
export const modelWorks: readonly Work[] = (['cifarnet', 'harcnn', 'mlp'] as const).flatMap((model) => {
  const { graph } = buildModel(model, { batch: 8, classes: 10, inputShape: zoo[model].sample });
  return blockWorks(model, graph, splitIntoBlocks(graph), options).flat();
});

/** Numbers around 0, near enough to normal ones (the sum of twelve uniform ones, less six). */
export function normalNumbers(seed: number): () => number {
  const uniform = randomFrom(seed);
  return () => Array.from({ length: 12 }, uniform).reduce((sum, value) => sum + value, -6);
}

export function trialsOn(board: ImaginedBoard, seed = 1): Trials {
  const normal = normalNumbers(seed);
  const trial = (work: Work) => {
    const seconds = trueSeconds(board, work);
    return { work, seconds, measured: seconds * Math.exp(board.noise * normal()) };
  };
  return { probes: probeWorks.map(trial), blocks: modelWorks.map(trial) };
}

export function samplesOn(board: ImaginedBoard, seed: number): BoardSamples {
  const { probes, blocks } = trialsOn(board, seed);
  return {
    board: board.name,
    samples: [...probes, ...blocks].map(({ work, measured }) => ({ work, seconds: measured })),
  };
}

/** Six boards of different speeds and balances. */
export const fleet: readonly ImaginedBoard[] = [
  aBoardLike({ name: 'a' }),
  aBoardLike({ name: 'b', secondsPerFlop: 3e-10, secondsPerByte: 1e-9, secondsPerCall: 1e-4 }),
  aBoardLike({ name: 'c', secondsPerFlop: 4e-11, secondsPerByte: 6e-10, secondsPerCall: 2e-5 }),
  aBoardLike({ name: 'd', secondsPerFlop: 8e-10, secondsPerByte: 1.5e-9, secondsPerCall: 2e-4 }),
  aBoardLike({ name: 'e', secondsPerFlop: 2e-10, secondsPerByte: 3e-9, secondsPerCall: 5e-5 }),
  aBoardLike({ name: 'f', secondsPerFlop: 6e-11, secondsPerByte: 2e-10, secondsPerCall: 6e-5 }),
];

let fitted: FittedModel | undefined;

/** A model fitted on the fleet; made once a process. */
export function fleetModel(): FittedModel {
  fitted ??= fitModel(
    fleet.map((board, index) => samplesOn(board, index + 1)),
    { ...defaultFitOptions, boosting: { ...defaultFitOptions.boosting, trees: 30 }, outerRounds: 2 },
  );
  return fitted;
}
