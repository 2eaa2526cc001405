import { buildModel, type Cuts, splitIntoBlocks, stageOf } from '../../models/index.ts';
import { type ProbeGraph, type ProbeName, probeBatch, probeBlock, probeGraph, probes } from './probes.ts';
import { stageWorks, type Work, type WorkOptions } from './work/work.ts';

/** A run of blocks of a model of the zoo, or a probe, by name. */
export interface Source {
  /** A model's name, or `probe/` and a probe's. */
  readonly model: string;
  readonly classes: number;
  /** Shape of one sample; [] for a probe, which has its own. */
  readonly inputShape: readonly number[];
  /** Between which cuts the blocks lie; 'single' where absent. */
  readonly cuts?: Cuts;
  readonly firstBlock: number;
  readonly lastBlock: number;
  readonly microBatch: number;
}

const probePrefix = 'probe/';

export function probeSource(name: ProbeName): Source {
  const place = { firstBlock: probeBlock, lastBlock: probeBlock, microBatch: probeBatch };
  return { model: `${probePrefix}${name}`, classes: 1, inputShape: [], ...place };
}

export const isProbe = ({ model }: Pick<Source, 'model'>) => model.startsWith(probePrefix);

/** The graph that a source is a part of, and its blocks. @throws UnknownModelError, ShapeError */
export function graphOf({
  model,
  classes,
  inputShape,
  cuts,
  microBatch,
}: Omit<Source, 'firstBlock' | 'lastBlock'>): ProbeGraph {
  const name = model.slice(probePrefix.length);
  if (isProbe({ model }) && Object.hasOwn(probes, name)) return probeGraph(name as ProbeName);
  const { graph } = buildModel(model, { batch: microBatch, classes, inputShape });
  return { graph, blocks: splitIntoBlocks(graph, cuts) };
}

/** What works of a model's blocks begin with: blocks of other cuts are other works. */
export function workName({ model, cuts = 'single' }: Pick<Source, 'model' | 'cuts'>): string {
  return cuts === 'single' ? model : `${model}@${cuts}`;
}

/** What a source asks of a board, pass by pass: 'resnet18/3 forward 16', 'resnet18@double/3 forward 16'. */
export function worksOf(source: Source, options: WorkOptions): readonly Work[] {
  const { firstBlock, lastBlock } = source;
  const { graph, blocks } = graphOf(source);
  const run = firstBlock === lastBlock ? `${firstBlock}` : `${firstBlock}-${lastBlock}`;
  return stageWorks(`${workName(source)}/${run}`, stageOf(graph, blocks, firstBlock, lastBlock), options);
}

/** The same of each of its blocks alone, where there are several. */
export function partsOf(source: Source, options: WorkOptions): readonly Work[] {
  const { firstBlock, lastBlock } = source;
  if (firstBlock === lastBlock) return [];
  const { graph, blocks } = graphOf(source);
  return blocks
    .slice(firstBlock, lastBlock + 1)
    .flatMap(({ index }) => stageWorks(`${workName(source)}/${index}`, stageOf(graph, blocks, index, index), options));
}

/** Whether two sources are of the same model, cuts, input and micro-batch, whichever blocks. */
export function sameModel(
  a: Omit<Source, 'firstBlock' | 'lastBlock'>,
  b: Omit<Source, 'firstBlock' | 'lastBlock'>,
): boolean {
  return (
    a.model === b.model &&
    a.classes === b.classes &&
    a.microBatch === b.microBatch &&
    (a.cuts ?? 'single') === (b.cuts ?? 'single') &&
    a.inputShape.join() === b.inputShape.join()
  );
}

export function sameSource(a: Source, b: Source): boolean {
  return a.firstBlock === b.firstBlock && a.lastBlock === b.lastBlock && sameModel(a, b);
}
