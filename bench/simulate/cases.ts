/** One run in the lab: a model, a fleet and a split. */
export interface SimulatedCase {
  readonly name: string;
  readonly model: 'cifarnet' | 'vgg11' | 'resnet18' | 'mobilenetv2';
  readonly batch: number;
  readonly microBatches: number;
  /** Shares of a core, board by board; together at most 1.5, of two. */
  readonly quotas: readonly number[];
  /** As a scenario file says it; none: loopback. */
  readonly link?: string;
  /** Of the boards in their order; absent: the planner's own, in any order. */
  readonly split?: string;
}

const four = { quotas: [0.8, 0.4, 0.2, 0.1], link: '{ rate: 100 Mbit/s, delay: 2 ms }' } as const;
const three = { quotas: [0.5, 0.5, 0.4], link: '{ rate: 100 Mbit/s, delay: 2 ms }' } as const;
const two = { quotas: [0.8, 0.4], link: '{ rate: 20 Mbit/s, delay: 5 ms }' } as const;
const large = { batch: 128, microBatches: 8 } as const;

export const simulatedCases: readonly SimulatedCase[] = [
  { name: 'cifarnet-four', model: 'cifarnet', ...large, ...four },
  { name: 'cifarnet-three-even', model: 'cifarnet', ...large, ...three, split: '0-2,3-4,5-6' },
  { name: 'cifarnet-two', model: 'cifarnet', ...large, ...two },
  { name: 'vgg11-four', model: 'vgg11', ...large, ...four },
  { name: 'vgg11-four-even', model: 'vgg11', ...large, ...four, split: '0-2,3-4,5-6,7-8' },
  { name: 'vgg11-three', model: 'vgg11', ...large, ...three },
  { name: 'resnet18-four', model: 'resnet18', ...large, ...four },
  { name: 'resnet18-three-even', model: 'resnet18', ...large, ...three, split: '0-6,7-13,14-20' },
  { name: 'resnet18-two', model: 'resnet18', ...large, ...two },
  { name: 'mobilenetv2-four', model: 'mobilenetv2', ...large, ...four },
  { name: 'mobilenetv2-three', model: 'mobilenetv2', ...large, ...three },
  { name: 'mobilenetv2-two-given', model: 'mobilenetv2', ...large, ...two, split: '0-26,27-52' },
];
