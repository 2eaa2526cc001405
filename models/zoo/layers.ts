import type { GraphBuilder } from '../graph/builder.ts';

/** Layers with PyTorch's defaults (initialisation, ε, momentum), so that a model can be held against PyTorch's. */

export interface ConvolutionOptions {
  readonly kernel?: number;
  readonly stride?: number;
  readonly pad?: number;
  readonly groups?: number;
  readonly bias?: boolean;
}

const repeat = (value: number, times: number) => Array<number>(times).fill(value);

/** A convolution over all spatial axes of x [N, C, …]. Weights uniform in ±1/√fan_in, as `torch.nn.Conv2d`. */
export function convolution(
  builder: GraphBuilder,
  name: string,
  x: string,
  outputs: number,
  { kernel = 3, stride = 1, pad = Math.floor(kernel / 2), groups = 1, bias = false }: ConvolutionOptions = {},
): string {
  const [, channels, ...sizes] = builder.typeOf(x).shape;
  const rank = sizes.length;
  const perGroup = channels! / groups;
  const bound = 1 / Math.sqrt(perGroup * kernel ** rank);
  const weight = builder.parameter(`${name}.weight`, [outputs, perGroup, ...repeat(kernel, rank)], {
    kind: 'uniform',
    bound,
  });
  const inputs = bias
    ? [x, weight, builder.parameter(`${name}.bias`, [outputs], { kind: 'uniform', bound })]
    : [x, weight];
  return builder.add('Conv', name, inputs, {
    kernel: repeat(kernel, rank),
    strides: repeat(stride, rank),
    pads: repeat(pad, 2 * rank),
    dilations: repeat(1, rank),
    groups,
  });
}

export function batchNormalization(builder: GraphBuilder, name: string, x: string): string {
  const channels = builder.typeOf(x).shape[1]!;
  const one = { kind: 'constant', value: 1 } as const;
  const zero = { kind: 'constant', value: 0 } as const;
  const inputs = [
    x,
    builder.parameter(`${name}.weight`, [channels], one),
    builder.parameter(`${name}.bias`, [channels], zero),
    builder.parameter(`${name}.running_mean`, [channels], zero, 'running'),
    builder.parameter(`${name}.running_var`, [channels], one, 'running'),
  ];
  const outputs = ['running_mean', 'running_var', 'mean', 'inverse'];
  builder.add('BatchNormalization', name, inputs, { epsilon: 1e-5, momentum: 0.1 }, outputs);
  builder.update(`${name}.running_mean`, `${name}/running_mean`);
  builder.update(`${name}.running_var`, `${name}/running_var`);
  return name;
}

/** A fully connected layer, x·Wᵀ + b with W [outputs, inputs], as `torch.nn.Linear`. */
export function linear(builder: GraphBuilder, name: string, x: string, outputs: number): string {
  const inputs = builder.typeOf(x).shape[1]!;
  const uniform = { kind: 'uniform', bound: 1 / Math.sqrt(inputs) } as const;
  const weight = builder.parameter(`${name}.weight`, [outputs, inputs], uniform);
  const bias = builder.parameter(`${name}.bias`, [outputs], uniform);
  return builder.add('Gemm', name, [x, weight, bias], { transA: false, transB: true, alpha: 1, beta: 1 });
}

export const relu = (builder: GraphBuilder, name: string, x: string) => builder.add('Relu', name, [x], {});

export const relu6 = (builder: GraphBuilder, name: string, x: string) =>
  builder.add('Clip', name, [x], { min: 0, max: 6 });

export function maxPool(builder: GraphBuilder, name: string, x: string, kernel = 2, stride = kernel): string {
  const rank = builder.typeOf(x).shape.length - 2;
  return builder.add('MaxPool', name, [x], {
    kernel: repeat(kernel, rank),
    strides: repeat(stride, rank),
    pads: repeat(0, 2 * rank),
  });
}

export const flatten = (builder: GraphBuilder, name: string, x: string) =>
  builder.add('Flatten', name, [x], { axis: 1 });

export function globalAveragePool(builder: GraphBuilder, name: string, x: string): string {
  return flatten(builder, `${name}.flat`, builder.add('GlobalAveragePool', name, [x], {}));
}

/** Drops values with probability `ratio` while training; the mask is fed from outside. */
export function dropout(builder: GraphBuilder, name: string, x: string, ratio: number): string {
  const mask = builder.input({ role: 'dropout', name: `${name}.mask`, keepProbability: 1 - ratio }, builder.typeOf(x));
  return builder.add('Dropout', name, [x, mask], {});
}
