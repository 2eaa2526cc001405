import {
  byteSize,
  type Capabilities,
  elementCount,
  fitsBlocked,
  kernelLayout,
  type Node,
  nodeCost,
  type Op,
  type TensorType,
  typeOf,
} from '../../../models/index.ts';
import { type Amounts, type Kind, positionOf } from './kinds.ts';

/** What the rules below see of the place where a node stands. */
export interface Surroundings {
  readonly types: ReadonlyMap<string, TensorType>;
  readonly capabilities: Capabilities;
  /** Values that a convolution or a normalisation of the same program computes. */
  readonly fusable: ReadonlySet<string>;
}

type ConvolutionNode = Node<'Conv'> | Node<'ConvInputGradient'> | Node<'ConvWeightGradient'>;

/** What each operation that is neither a convolution nor a product spends its time on. */
const byteKinds = {
  Relu: 'activation bytes',
  Clip: 'activation bytes',
  Sigmoid: 'activation bytes',
  Tanh: 'activation bytes',
  Gelu: 'activation bytes',
  HardSwish: 'activation bytes',
  Softmax: 'activation bytes',
  ReluGradient: 'activation gradient bytes',
  ClipGradient: 'activation gradient bytes',
  SigmoidGradient: 'activation gradient bytes',
  TanhGradient: 'activation gradient bytes',
  GeluGradient: 'activation gradient bytes',
  HardSwishGradient: 'activation gradient bytes',
  SoftmaxGradient: 'activation gradient bytes',
  BatchNormalization: 'normalization bytes',
  LayerNormalization: 'plain normalization bytes',
  BatchNormalizationGradient: 'normalization gradient bytes',
  LayerNormalizationGradient: 'plain normalization gradient bytes',
  MaxPool: 'pool bytes',
  AveragePool: 'pool bytes',
  GlobalAveragePool: 'pool bytes',
  MaxPoolGradient: 'pool gradient bytes',
  AveragePoolGradient: 'pool gradient bytes',
  GlobalAveragePoolGradient: 'pool gradient bytes',
  Dropout: 'elementwise bytes',
  Add: 'elementwise bytes',
  Sub: 'elementwise bytes',
  Mul: 'elementwise bytes',
  Div: 'elementwise bytes',
  Neg: 'elementwise bytes',
  Scale: 'elementwise bytes',
  ReduceMean: 'elementwise bytes',
  ReduceSum: 'elementwise bytes',
  Expand: 'elementwise bytes',
  SoftmaxCrossEntropy: 'elementwise bytes',
  SoftmaxCrossEntropyGradient: 'elementwise bytes',
  SquaredError: 'elementwise bytes',
  Transpose: 'elementwise bytes',
  Concat: 'elementwise bytes',
  Slice: 'elementwise bytes',
  SliceGradient: 'elementwise bytes',
  Pad: 'elementwise bytes',
  Gather: 'elementwise bytes',
  GatherGradient: 'elementwise bytes',
  // the same memory under another shape
  Reshape: 'nodes',
  Flatten: 'nodes',
} as const satisfies Record<Exclude<Op, ConvolutionNode['op'] | 'Gemm' | 'MatMul'>, Kind>;

/** Adds what one node asks for. */
export function addNode(amounts: Amounts, node: Node, surroundings: Surroundings): void {
  const add = (kind: Kind, amount: number) => {
    amounts[positionOf(kind)]! += amount;
  };
  add('nodes', 1);
  switch (node.op) {
    case 'Conv':
    case 'ConvInputGradient':
    case 'ConvWeightGradient':
      addConvolution(add, node, surroundings);
      break;
    case 'Gemm':
    case 'MatMul':
      addProduct(add, node, surroundings);
      break;
    default:
      addBytes(add, node, surroundings);
  }
}

type Add = (kind: Kind, amount: number) => void;

function addConvolution(add: Add, node: ConvolutionNode, { types, capabilities }: Surroundings): void {
  const shapes = node.inputs.map((input) => (input === '' ? [] : typeOf(types, input).shape));
  const weightShape = node.op === 'ConvWeightGradient' ? node.attributes.weightShape : shapes[1]!;
  const { groups, kernel, strides } = node.attributes;
  const layout = kernelLayout(weightShape, groups, capabilities.channelBlock);
  const pass = ({ Conv: '', ConvInputGradient: ' dX', ConvWeightGradient: ' dW' } as const)[node.op];
  const strided = strides.some((stride) => stride > 1);
  const { flops, bytesRead, bytesWritten } = nodeCost(node, types);
  const weightBytes = 4 * elementCount(weightShape);
  add('convolution bytes', bytesRead + bytesWritten - weightBytes);
  add(layout === undefined ? 'convolution weight bytes' : weightKinds[node.op], weightBytes);
  switch (layout) {
    case 'blockedKernel': {
      const work = flops * paddingFactor(weightShape, groups, capabilities.channelBlock);
      if (elementCount(kernel) === 1) add(`pointwise${pass} flops`, work);
      else if (strided && node.op === 'ConvInputGradient') add('strided dX flops', work);
      else add(`dense${pass} flops`, work);
      break;
    }
    case 'thinKernel':
      add(`thin${pass} flops`, flops);
      break;
    case 'depthwiseKernel':
      // with a stride the output's gradient is spread over the input's places
      add(`depthwise${pass} flops`, node.op === 'Conv' ? flops : flops * elementCount(strides));
      break;
    default:
      add(groups > 1 ? `plain depthwise${pass} flops` : `plain${pass} flops`, flops);
      // one image after another, one group after another
      if (groups > 1) add('plain depthwise maps', shapes[0]![0]! * groups);
      else add('plain weight bytes', shapes[0]![0]! * weightBytes);
      // the input once for each position of the kernel
      if (node.op === 'ConvWeightGradient') add('columns bytes', (bytesRead / 2) * elementCount(kernel));
  }
}

/** The gradient of the input reads weights with in and out swapped; that of the weights writes them. */
const weightKinds = {
  Conv: 'convolution weight bytes',
  ConvInputGradient: 'turned weight bytes',
  ConvWeightGradient: 'weight gradient bytes',
} as const;

/** Channels are filled up to whole blocks. */
function paddingFactor([outputs, inputs]: readonly number[], groups: number, block: number): number {
  const padded = (count: number) => (Math.ceil(count / block) * block) / count;
  return padded(outputs!) * (groups === 1 ? padded(inputs!) : 1);
}

function addProduct(add: Add, node: Node<'Gemm'> | Node<'MatMul'>, { types }: Surroundings): void {
  const { flops, bytesRead, bytesWritten } = nodeCost(node, types);
  add('product flops', flops);
  add('product weight bytes', bytesRead + bytesWritten);
}

function addBytes(add: Add, node: Node, { types, capabilities, fusable }: Surroundings): void {
  const kind: Kind = byteKinds[node.op as keyof typeof byteKinds];
  if (kind === 'nodes') return;
  const { bytesRead, bytesWritten } = nodeCost(node, types);
  const blocked = fitsBlocked(typeOf(types, node.inputs[0]!).shape, capabilities);
  add(kindIn(kind, { blocked, fused: fusable.has(node.inputs[0]!) }), bytesRead + bytesWritten);
}

function kindIn(kind: Kind, { blocked, fused }: { readonly blocked: boolean; readonly fused: boolean }): Kind {
  if (kind === 'activation bytes') return blocked && fused ? 'fused activation bytes' : kind;
  if (!blocked && (kind === 'normalization bytes' || kind === 'normalization gradient bytes')) return `plain ${kind}`;
  return kind;
}

/** Bytes of a value that change their layout where they cross the border of a program. */
export function borderBytes(type: TensorType, capabilities: Capabilities): number {
  return fitsBlocked(type.shape, capabilities) ? byteSize(type) : 0;
}
