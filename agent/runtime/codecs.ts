import { randomStream } from '../../models/index.ts';
import type { Plan } from '../../planner/index.ts';
import { type Codec, codecFor, type Encoded, plainCodecs } from '../codec/index.ts';

/** How one stage encodes what it sends. */
export interface StageCodecs {
  /** Before this step all goes as it is. */
  readonly warmUpSteps: number;
  readonly activation: Codec;
  readonly gradient: Codec;
  /** Of the stochastic rounding of one tensor. */
  readonly seedOf: (kind: 'activation' | 'gradient', step: number, microBatch: number) => number;
}

/** What the plan says of the links of a stage; undefined where they do not encode. */
export function stageCodecs({ codecs, seed }: Plan, stage: number): StageCodecs | undefined {
  if (codecs === undefined) return undefined;
  const [before, after] = [codecs.links[stage - 1], codecs.links[stage]];
  return {
    warmUpSteps: codecs.warmUpSteps,
    activation: after === undefined ? plainCodecs.float32 : codecFor('activation', after.forward),
    gradient: before === undefined ? plainCodecs.float32 : codecFor('gradient', before.backward),
    seedOf: (kind, step, microBatch) => randomStream(seed, 'codec', stage, kind, step, microBatch).integer(2 ** 32),
  };
}

/** What encoding lost in one step, by the board at the other end. */
export interface LossLedger {
  add(to: string, lost: Pick<Encoded, 'relativeError' | 'notFinite'>): void;
  readonly found: ReadonlyMap<string, { readonly relativeError: number; readonly notFinite: number }>;
}

/** Relative errors are averaged as root mean squares over a link's tensors. */
export function createLossLedger(): LossLedger {
  const sums = new Map<string, { squares: number; tensors: number; notFinite: number }>();
  return {
    add(to, { relativeError, notFinite }) {
      const before = sums.get(to) ?? { squares: 0, tensors: 0, notFinite: 0 };
      sums.set(to, {
        squares: before.squares + relativeError ** 2,
        tensors: before.tensors + 1,
        notFinite: before.notFinite + notFinite,
      });
    },
    get found() {
      const entries = [...sums].map(([to, { squares, tensors, notFinite }]) => {
        return [to, { relativeError: Math.sqrt(squares / tensors), notFinite }] as const;
      });
      return new Map(entries);
    },
  };
}
