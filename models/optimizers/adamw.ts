import type { Optimizer } from './optimizer.ts';

export interface AdamWOptions {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly weightDecay: number;
  readonly clipNorm?: number | undefined;
}

/**
 * Adam with decoupled weight decay (arXiv 1711.05101, as torch.optim.AdamW): p ·= 1 − η·λ; m, v are moving averages of
 * g and g²; p −= η/(1−β₁ᵗ)·m / (√(v/(1−β₂ᵗ)) + ε).
 */
export function adamw({ beta1, beta2, epsilon, weightDecay, clipNorm }: AdamWOptions): Optimizer {
  return {
    name: 'adamw',
    slots: ['mean', 'square'],
    clipNorm,
    scalars: (step, learningRate) => ({
      shrink: 1 - learningRate * weightDecay,
      stepSize: learningRate / (1 - beta1 ** (step + 1)),
      squareScale: 1 / (1 - beta2 ** (step + 1)),
    }),
    update(emitter, { parameter, gradient, state, scalars }) {
      const blend = (old: string, fresh: string, beta: number) => {
        const kept = emitter.node('Mul', [old, emitter.scalar(beta)]);
        return emitter.node('Add', [kept, emitter.node('Mul', [fresh, emitter.scalar(1 - beta)])]);
      };
      const mean = blend(state.mean!, gradient, beta1);
      const square = blend(state.square!, emitter.node('Mul', [gradient, gradient]), beta2);
      const root = emitter.node('Sqrt', [emitter.node('Mul', [square, scalars.squareScale!])]);
      const ratio = emitter.node('Div', [mean, emitter.node('Add', [root, emitter.scalar(epsilon)])]);
      const shrunk = emitter.node('Mul', [parameter, scalars.shrink!]);
      const next = emitter.node('Sub', [shrunk, emitter.node('Mul', [ratio, scalars.stepSize!])]);
      return { parameter: next, state: { mean, square } };
    },
  };
}
