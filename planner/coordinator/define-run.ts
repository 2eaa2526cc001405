import {
  blockCosts,
  buildModel,
  createOptimizer,
  elementCount,
  splitIntoBlocks,
  stateOfBlock,
} from '../../models/index.ts';
import { BatchDivisionError, buildSchedule, MoreBoardsThanBlocksError, plannerCost, schedulesOf } from '../index.ts';
import { RestoreMismatchError, RunSettingsError } from './errors.ts';
import type { RunRequest, TensorLayout } from './state.ts';
import { defaultDeadlines, type RunSettings } from './types.ts';

/**
 * Checks the settings against each other and the model, and works out what each block costs and consists of.
 * @throws RunSettingsError, RestoreMismatchError, BatchDivisionError, MoreBoardsThanBlocksError, CountError, and what
 * models throws for an unknown model, an input that does not fit it, or an optimizer's options
 */
export function defineRun(settings: RunSettings): RunRequest {
  const { restore, deadlines, ...plain } = settings;
  checkSteps(settings);
  const boards = countBoards(settings.boards);
  for (const name of schedulesOf(settings.schedule)) buildSchedule(name, boards, settings.microBatches);
  const { name, classes, inputShape, cuts } = settings.model;
  if (settings.batch % settings.microBatches !== 0) throw new BatchDivisionError(settings.batch, settings.microBatches);
  const { graph } = buildModel(name, { batch: settings.batch / settings.microBatches, classes, inputShape });
  const optimizer = createOptimizer(settings.optimizer.name, settings.optimizer.options);
  const blocks = splitIntoBlocks(graph, cuts);
  if (boards > blocks.length && settings.arrangement !== 'free')
    throw new MoreBoardsThanBlocksError(boards, blocks.length);
  const layout = blocks.map((block): readonly TensorLayout[] => {
    const state = stateOfBlock(graph.parameters, block, optimizer.slots);
    return state.map((entry) => ({ name: entry.name, shape: entry.parameter.type.shape }));
  });
  if (restore !== undefined) checkRestore(name, layout, restore);
  return {
    settings: plain,
    term: settings.term ?? 1,
    restores: restore !== undefined,
    deadlines: { ...defaultDeadlines, ...deadlines },
    blocks: blockCosts(graph, blocks).map((cost) => plannerCost(cost, optimizer.slots.length)),
    optimizerSlots: optimizer.slots.length,
    layout,
  };
}

function checkSteps({ steps, fromStep, checkpointEverySteps = 0, term = 1, batch }: RunSettings): void {
  const whole = { steps, fromStep, checkpointEverySteps, term, batch };
  for (const [name, value] of Object.entries(whole)) {
    if (!Number.isSafeInteger(value) || value < 0)
      throw new RunSettingsError(name, value, 'give a whole number from 0 up');
  }
  if (batch === 0) throw new RunSettingsError('batch', batch, 'give a whole number from 1 up');
  if (term === 0) throw new RunSettingsError('term', term, 'give a whole number from 1 up');
  if (steps > fromStep) return;
  throw new RunSettingsError('steps', steps, `${fromStep} steps are done already; ask for more than that`);
}

function countBoards(boards: RunSettings['boards']): number {
  if (typeof boards === 'number') return boards;
  const twice = boards.find((board, index) => boards.indexOf(board) !== index);
  if (twice !== undefined) throw new RunSettingsError('boards', boards.join(','), `name ${twice} once`);
  return boards.length;
}

function checkRestore(
  model: string,
  layout: readonly (readonly TensorLayout[])[],
  restore: NonNullable<RunSettings['restore']>,
): void {
  const known = new Set<string>();
  for (const { name, shape } of layout.flat()) {
    known.add(name);
    const tensor = restore.get(name);
    if (tensor === undefined) throw new RestoreMismatchError(model, `tensor '${name}' is missing`);
    if (tensor.shape.join() === shape.join() && tensor.data.length === elementCount(shape)) continue;
    throw new RestoreMismatchError(model, `tensor '${name}' has shape [${tensor.shape}], not [${shape}]`);
  }
  const strange = [...restore.keys()].find((name) => !known.has(name));
  if (strange !== undefined) throw new RestoreMismatchError(model, `it has no tensor '${strange}'`);
}
