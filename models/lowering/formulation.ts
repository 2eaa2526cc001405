import type { Node } from '../graph/types.ts';
import type { Op } from '../ops/vocabulary.ts';
import type { Emitter } from './emitter.ts';

/**
 * One way to say an operation in ONNX. Which is fastest depends on the shape, so an operation may have several: the
 * first that applies is taken, and the last always applies.
 */
export interface Formulation<Name extends Op> {
  readonly name: string;
  applies(node: Node<Name>, emitter: Emitter): boolean;
  emit(node: Node<Name>, emitter: Emitter): void;
}

export type Formulations<Names extends Op> = { readonly [Name in Names]: readonly Formulation<Name>[] };

/** The only way, in stock ONNX operations and plain layout. */
export function plain<Name extends Op>(emit: (node: Node<Name>, emitter: Emitter) => void): Formulation<Name> {
  return { name: 'plain', applies: () => true, emit };
}

/** An operation that ONNX has under the same name, without attributes. */
export function same<Name extends Op>(): readonly Formulation<Name>[] {
  return [
    plain<Name>((node, emitter) => {
      const inputs = (node.inputs as readonly string[]).map((input) => emitter.read(input));
      emitter.node(node.op, inputs, { outputs: [emitter.write(node.outputs[0]!)] });
    }),
  ];
}
