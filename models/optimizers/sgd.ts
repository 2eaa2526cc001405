import type { Optimizer } from './optimizer.ts';

export interface SgdOptions {
  readonly momentum: number;
  readonly weightDecay: number;
  readonly clipNorm?: number | undefined;
}

/** Stochastic gradient descent as torch.optim.SGD: g += λ·p; v = μ·v + g; p −= η·v. */
export function sgd({ momentum, weightDecay, clipNorm }: SgdOptions): Optimizer {
  return {
    name: 'sgd',
    slots: momentum === 0 ? [] : ['momentum'],
    clipNorm,
    scalars: (_, learningRate) => ({ learningRate }),
    update(emitter, { parameter, gradient, state, scalars }) {
      const decay = () => emitter.node('Mul', [parameter, emitter.scalar(weightDecay)]);
      const slope = weightDecay === 0 ? gradient : emitter.node('Add', [gradient, decay()]);
      if (momentum === 0) return { parameter: descend(slope), state: {} };
      const kept = emitter.node('Mul', [state.momentum!, emitter.scalar(momentum)]);
      const velocity = emitter.node('Add', [kept, slope]);
      return { parameter: descend(velocity), state: { momentum: velocity } };

      function descend(direction: string): string {
        return emitter.node('Sub', [parameter, emitter.node('Mul', [direction, scalars.learningRate!])]);
      }
    },
  };
}
