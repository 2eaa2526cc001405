/** The emulated boards of the predictor's bench: they differ in kind, not only in speed. */
export interface EmulatedBoard {
  readonly name: string;
  readonly threads: number;
  /** Of one core; 1 and less is enforced by the kernel, absent is no limit. */
  readonly quota?: number;
  /** Blocked convolution layout where the processor has it, or plain ONNX. */
  readonly layout: 'blocked' | 'plain';
  readonly arena: boolean;
  /** A process beside it: one that streams memory, or one that computes on the same core. */
  readonly neighbour?: 'memory' | 'sameCore';
}

const plainest = { threads: 1, layout: 'blocked', arena: true } as const;

export const boards: readonly EmulatedBoard[] = [
  { ...plainest, name: 'full' },
  { ...plainest, name: 'two-threads', threads: 2 },
  { ...plainest, name: 'quota-50', quota: 0.5 },
  { ...plainest, name: 'quota-25', quota: 0.25 },
  { ...plainest, name: 'quota-10', quota: 0.1 },
  { ...plainest, name: 'two-threads-quota-80', threads: 2, quota: 0.8 },
  { ...plainest, name: 'memory-neighbour', neighbour: 'memory' },
  { ...plainest, name: 'same-core', neighbour: 'sameCore' },
  { ...plainest, name: 'plain', layout: 'plain' },
  { ...plainest, name: 'plain-two-threads-quota-60', layout: 'plain', threads: 2, quota: 0.6 },
  { ...plainest, name: 'plain-two-threads', layout: 'plain', threads: 2 },
  { ...plainest, name: 'plain-memory-neighbour-quota-40', layout: 'plain', quota: 0.4, neighbour: 'memory' },
  { ...plainest, name: 'no-arena-quota-60', arena: false, quota: 0.6 },
];
