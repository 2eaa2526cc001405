import {
  type Capabilities,
  differentiate,
  Emitter,
  finish,
  type Graph,
  GraphBuilder,
  type Layout,
  type ModelOp,
  type Node,
  type Port,
  type Program,
  type RandomStream,
  randomStream,
  type TensorType,
} from '../../../models/index.ts';
import type { Formulation } from '../../../models/lowering/formulation.ts';
import { formulations } from '../../../models/lowering/formulations/index.ts';
import { fitsBlocked } from '../../../models/lowering/layout.ts';
import type { Op } from '../../../models/ops/vocabulary.ts';
import type { Case } from './cases/case.ts';
import { type Feeds, load, type Results, runOnce } from './engine.ts';

/**
 * Holds an operation's gradient against the numeric derivative of its forward pass.
 *
 * The loss is L = Σ r·y with random r, summed here in double precision. Derivatives are taken along single entries and
 * along random directions, which see every entry, by the four-point rule (8(f₁−f₋₁) − (f₂−f₋₂))/12h: its truncation
 * error is h⁴·f⁽⁵⁾/30, so that h may be large beside the rounding of float32.
 */

const step = 0.03;
const sampledEntries = 24;
const directions = 3;
/** Of the gradient's norm; and the least that float32 can tell apart with this step. */
const relativeTolerance = 1e-3;
const absoluteTolerance = 3e-5;

/** Outputs beside the first, which the backward pass reads. */
const moreOutputs: Partial<Record<ModelOp, readonly string[]>> = {
  BatchNormalization: ['running_mean', 'running_var', 'mean', 'inverse'],
  LayerNormalization: ['mean', 'inverse'],
};

export interface Subject {
  readonly name: string;
  readonly graph: Graph;
  readonly feeds: Feeds;
  readonly wanted: readonly string[];
  readonly projection: Float32Array;
}

const seed = 'y/gradient';

export function subjectOf<Name extends ModelOp>(op: Name, { title, attributes, inputs }: Case<Name>): Subject {
  const builder = new GraphBuilder(`${op} ${title}`);
  const random = randomStream(7, op, title);
  const names = inputs.map(({ type }, index) => builder.input({ role: 'data', name: `in${index}` }, type));
  const y = builder.add(op, 'y', names, attributes, moreOutputs[op]);
  const feeds = new Map(inputs.map((input, index) => [names[index]!, input.draw(random)]));
  const graph = builder.finish([y]);
  return {
    name: `${op} ${title}`,
    graph,
    feeds,
    wanted: names.filter((_, index) => inputs[index]!.differentiable),
    projection: project(random, graph.types.get(y)!),
  };
}

function project(random: RandomStream, { shape }: TensorType): Float32Array {
  const values = new Float32Array(shape.reduce((product, size) => product * size, 1));
  random.fillUniform(values, 0.5, 1.5);
  return values.map((value, index) => (index % 2 === 0 ? value : -value));
}

/** A direction in the space of one input, and the derivative of L along it. */
interface Derivative {
  readonly input: string;
  readonly direction: ReadonlyMap<number, number>;
  readonly slope: number;
  readonly where: string;
}

/** What every formulation must agree with. */
export interface Reference {
  /** Of the plain forward pass: all that the operation computes. */
  readonly outputs: Results;
  readonly derivatives: readonly Derivative[];
}

/** The plain forward pass, and its derivatives by differences. */
export async function referenceOf(subject: Subject): Promise<Reference> {
  const emitter = new Emitter(subject.graph.types, { channelBlock: 0 });
  emitAll(emitter, subject.graph.nodes, () => undefined);
  const forward = await load(finish('forward', emitter, computed(subject, emitter)));
  const loss = async (input: string, direction: ReadonlyMap<number, number>, distance: number) => {
    const moved = Float32Array.from(subject.feeds.get(input) as Float32Array);
    for (const [index, amount] of direction) moved[index]! += distance * amount;
    const results = await forward.run(new Map([...subject.feeds, [input, moved]]));
    return dot(results.get('y')!, subject.projection);
  };
  const derivatives: Derivative[] = [];
  for (const input of subject.wanted) {
    for (const [where, direction] of directionsOf(subject, input)) {
      const [near, nearBack] = [await loss(input, direction, step), await loss(input, direction, -step)];
      const [far, farBack] = [await loss(input, direction, 2 * step), await loss(input, direction, -2 * step)];
      const slope = (8 * (near - nearBack) - (far - farBack)) / (12 * step);
      derivatives.push({ input, direction, slope, where });
    }
  }
  const outputs = await forward.run(copyOf(subject.feeds));
  await forward.dispose();
  return { outputs, derivatives };
}

function directionsOf(subject: Subject, input: string): readonly (readonly [string, ReadonlyMap<number, number>])[] {
  const count = subject.feeds.get(input)!.length;
  const random = randomStream(3, subject.name, input);
  const entries = [...random.permutation(count).subarray(0, sampledEntries)];
  const everywhere = Array.from({ length: directions }, (_, which) => {
    const amounts = Array.from({ length: count }, (_, index) => [index, 2 * random.uniform() - 1] as const);
    return [`direction ${which}`, new Map(amounts)] as const;
  });
  return [...entries.map((index) => [`entry ${index}`, new Map([[index, 1]])] as const), ...everywhere];
}

function dot(left: Float32Array, right: Float32Array): number {
  let sum = 0;
  for (let index = 0; index < left.length; index++) sum += left[index]! * right[index]!;
  return sum;
}

/** One way to say the forward and backward pass in ONNX. */
export interface Variant {
  readonly name: string;
  readonly program: Program;
  readonly gradients: ReadonlyMap<string, string>;
}

/** The operations of the backward pass. */
export function backwardOps(subject: Subject): readonly Op[] {
  return differentiate(subject.graph, new Map([['y', seed]]), subject.wanted).nodes.map((node) => node.op);
}

/**
 * Every formulation of every node that the forward and backward pass hold, with each capability, from inputs that come
 * plain or have already been asked for in the blocked layout; and what lowering picks by itself. Programs that turn
 * out the same are given once.
 */
export function variantsOf(subject: Subject, machine: readonly Capabilities[]): readonly Variant[] {
  const backward = differentiate(subject.graph, new Map([['y', seed]]), subject.wanted);
  const nodes: readonly Node[] = [...subject.graph.nodes, ...backward.nodes];
  const types = new Map([...subject.graph.types, ...backward.types]);
  const found = new Map<string, Variant>();
  const collect = (name: string, capabilities: Capabilities, blockedInputs: boolean, pick: Pick) => {
    const emitter = new Emitter(types, capabilities);
    if (blockedInputs) readBlocked(emitter, types, subject);
    emitAll(emitter, nodes, pick);
    const outputs = [...backward.gradientOf.values()].map((value) => port(emitter, value));
    const program = finish('joint', emitter, [...computed(subject, emitter), ...outputs]);
    const key = Buffer.from(program.bytes).toString('latin1');
    if (!found.has(key)) found.set(key, { name, program, gradients: backward.gradientOf });
  };
  for (const capabilities of machine) {
    for (const blockedInputs of capabilities.channelBlock > 0 ? [false, true] : [false]) {
      const where = `block ${capabilities.channelBlock}${blockedInputs ? ', blocked inputs' : ''}`;
      collect(`as lowering picks, ${where}`, capabilities, blockedInputs, pickFirst);
      for (const node of nodes) {
        for (const formulation of formulationsOf(node)) {
          const pick: Pick = (other, emitter) => (other === node ? ifApplies(formulation, other, emitter) : undefined);
          collect(`${node.op} '${formulation.name}', ${where}`, capabilities, blockedInputs, pick);
        }
      }
    }
  }
  return [...found.values()];
}

/** The formulation for a node; undefined takes the last, which always applies. */
type Pick = (node: Node, emitter: Emitter) => Formulation<Op> | undefined;

const formulationsOf = (node: Node) => formulations[node.op] as readonly Formulation<Op>[];

const ifApplies = (formulation: Formulation<Op>, node: Node, emitter: Emitter) =>
  formulation.applies(node, emitter) ? formulation : undefined;

const pickFirst: Pick = (node, emitter) =>
  formulationsOf(node).find((formulation) => formulation.applies(node, emitter));

function emitAll(emitter: Emitter, nodes: readonly Node[], pick: Pick): void {
  for (const node of nodes) (pick(node, emitter) ?? formulationsOf(node).at(-1)!).emit(node, emitter);
}

function readBlocked(emitter: Emitter, types: ReadonlyMap<string, TensorType>, subject: Subject): void {
  for (const value of [...subject.feeds.keys(), seed]) {
    if (fitsBlocked(types.get(value)!.shape, emitter.capabilities)) emitter.read(value, 'blocked' satisfies Layout);
  }
}

function port(emitter: Emitter, value: string): Port {
  return { name: emitter.read(value), value, layout: 'plain', ...emitter.typeOf(value) };
}

const computed = (subject: Subject, emitter: Emitter) =>
  subject.graph.nodes.flatMap((node) => node.outputs.map((value) => port(emitter, value)));

/** Runs a variant and gives every way in which it computes something else than the reference; none when it is right. */
export async function disagreements(
  subject: Subject,
  { name, program, gradients }: Variant,
  reference: Reference,
): Promise<readonly string[]> {
  const results = await runOnce(program, new Map([...copyOf(subject.feeds), [seed, subject.projection]]));
  const forward = subject.graph.nodes
    .flatMap((node) => node.outputs)
    .filter((value) => !isClose(results.get(value)!, reference.outputs.get(value)!))
    .map((value) => `${name}: ${value} is not that of the plain forward pass`);
  const backward = reference.derivatives
    .filter(({ input }) => subject.wanted.includes(input))
    .flatMap(({ input, direction, slope, where }) => {
      const gradient = results.get(gradients.get(input)!)!;
      let analytic = 0;
      for (const [index, amount] of direction) analytic += gradient[index]! * amount;
      const allowed =
        relativeTolerance * Math.sqrt(dot(gradient, gradient)) + absoluteTolerance * direction.size ** 0.5;
      if (Math.abs(analytic - slope) <= allowed) return [];
      return [`${name}: gradient of ${input}, ${where}: ${analytic}, by differences ${slope}`];
    });
  return [...forward, ...backward];
}

/** Equal up to what the order of summation changes in float32. */
function isClose(found: Float32Array, expected: Float32Array): boolean {
  const allowed = 1e-5 * (1 + Math.sqrt(dot(expected, expected)));
  return (
    found.length === expected.length && found.every((value, index) => Math.abs(value - expected[index]!) <= allowed)
  );
}

/** ONNX Runtime may write a batch normalisation's averages over the fed ones. */
const copyOf = (feeds: Feeds): Feeds => new Map([...feeds].map(([name, values]) => [name, values.slice()]));
