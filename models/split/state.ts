import type { Parameter } from '../graph/types.ts';
import type { Block } from './blocks.ts';

const OPTIMIZER = 'optimizer.';

/** The name of a tensor of optimizer state. Slots have no dots in their names; parameters may. */
export const optimizerTensorName = (slot: string, parameter: string) => `${OPTIMIZER}${slot}.${parameter}`;

/** Whether a tensor of the state is the optimizer's, not a parameter. */
export const isOptimizerTensor = (name: string) => name.startsWith(OPTIMIZER);

/** One tensor of a block's state: a parameter, or what the optimizer keeps of it. Both have the parameter's shape. */
export interface StateEntry {
  readonly name: string;
  readonly parameter: Parameter;
  /** Of the optimizer; absent for the parameter itself. */
  readonly slot?: string;
}

/**
 * What moves with a block, in the order in which boards, hub and checkpoints count it: each of its parameters, followed
 * by the optimizer's tensors where it is trainable.
 * @param parameters of the whole model, or of any part that the block lies in
 */
export function stateOfBlock(
  parameters: readonly Parameter[],
  block: Block,
  slots: readonly string[],
): readonly StateEntry[] {
  const used = new Set(block.nodes.flatMap((node) => node.inputs));
  return parameters
    .filter(({ name }) => used.has(name))
    .flatMap((parameter) => {
      const { name, kind } = parameter;
      const kept = kind === 'trainable' ? slots : [];
      return [{ name, parameter }, ...kept.map((slot) => ({ name: optimizerTensorName(slot, name), parameter, slot }))];
    });
}
