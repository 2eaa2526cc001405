import { graphOf, type Source } from '../predictor/index.ts';
import type { BlockRun, SurveyModel } from './types.ts';

/** A run of a model's blocks as something to measure. */
export function runSource({ name, ...model }: SurveyModel, { firstBlock, lastBlock }: BlockRun): Source {
  return { model: name, ...model, firstBlock, lastBlock };
}

/** The halves of a model, as far as they are of several blocks. @throws UnknownModelError, ShapeError */
export function halfSources(model: SurveyModel): readonly Source[] {
  const count = blockSources(model).length;
  const middle = Math.round(count / 2);
  const halves = [
    { firstBlock: 0, lastBlock: middle - 1 },
    { firstBlock: middle, lastBlock: count - 1 },
  ];
  return halves.filter(({ firstBlock, lastBlock }) => lastBlock > firstBlock).map((run) => runSource(model, run));
}

/** Each block of a model by itself. @throws UnknownModelError, ShapeError */
export function blockSources(model: SurveyModel): readonly Source[] {
  const { name, ...shape } = model;
  const { blocks } = graphOf({ model: name, ...shape });
  return blocks.map(({ index }) => runSource(model, { firstBlock: index, lastBlock: index }));
}
