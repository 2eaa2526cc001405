/** The instructions that concern one micro-batch, and the letters each prints as. */
export const letters = {
  forward: 'F',
  backward: 'B',
  /** Forward and backward of the loss stage in one run of the engine: nothing is stashed in between. */
  forwardBackward: 'FB',
  /** To the next stage. */
  sendActivation: 'SA',
  /** From the previous stage. */
  receiveActivation: 'RA',
  /** To the previous stage. */
  sendGradient: 'SG',
  /** From the next stage. */
  receiveGradient: 'RG',
} as const;

export type MicroBatchKind = keyof typeof letters;

export type MicroBatchInstruction = {
  readonly [Kind in MicroBatchKind]: { readonly kind: Kind; readonly microBatch: number };
}[MicroBatchKind];

/** One thing a stage does. `update` applies the accumulated gradients and ends the step. */
export type Instruction = MicroBatchInstruction | { readonly kind: 'update' };

/** What one stage does in one step, in order. */
export type StageInstructions = readonly Instruction[];

/** One list for each stage; stage 0 reads the data, the last stage computes the loss. */
export type Schedule = readonly StageInstructions[];

export const forward = (microBatch: number): Instruction => ({ kind: 'forward', microBatch });
export const backward = (microBatch: number): Instruction => ({ kind: 'backward', microBatch });
export const update: Instruction = { kind: 'update' };
