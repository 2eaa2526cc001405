import { graphOf, type Source } from '../predictor/index.ts';
import type { BlockRun, SurveyModel } from './types.ts';

/** A run of a model's blocks as something to measure. */
export function runSource({ name, ...model }: SurveyModel, { firstBlock, lastBlock }: BlockRun): Source {
  return { model: name, ...model, firstBlock, lastBlock };
}

/** Each block of a model by itself. @throws UnknownModelError, ShapeError */
export function blockSources(model: SurveyModel): readonly Source[] {
  const { name, ...shape } = model;
  const { blocks } = graphOf({ model: name, ...shape });
  return blocks.map(({ index }) => runSource(model, { firstBlock: index, lastBlock: index }));
}
