import { defaultDeadlines, type RunSettings } from '../../planner/coordinator/index.ts';
import type { FittedModel } from '../../planner/index.ts';
import type { Inside } from '../lab/index.ts';
import type { TrainInput } from './options.ts';
import { firstTerm, type RunContext } from './run-context.ts';

/** What the coordinator is asked to do. */
export function runSettings(about: RunContext, predictor: FittedModel): RunSettings {
  const { input, checked, run, ids, late, resumed, inside, ends } = about;
  const { wishes, model, train: trainData, steps, source } = checked;
  const { kind, ...rate } = checked.learningRate;
  const { checkpointEvery, cuts } = input.options;
  const patience = patienceOf(input, inside);
  const { augment, trainLimit } = wishes;
  const state = resumed?.checkpoint.state;
  return {
    run,
    term: firstTerm(about),
    model: { name: model.name, classes: trainData.classes.length, inputShape: trainData.inputShape, cuts },
    data: { name: source, options: { augment, ...(trainLimit === undefined ? {} : { trainLimit }) } },
    batch: wishes.batch,
    microBatches: wishes.microBatches,
    schedule: checked.schedule,
    optimizer: { name: wishes.optimizer, options: wishes.optimizerOptions },
    learningRate: { name: kind, options: { ...rate, totalSteps: steps } },
    seed: wishes.seed,
    ...(checked.codecs === null ? {} : { codecs: { ...checked.codecs, warmUpSteps: wishes.warmUpSteps } }),
    boards: ids,
    comesLater: late,
    ...(ends === undefined ? {} : { split: ends }),
    arrangement: isFree(about) ? 'free' : 'given',
    adapts: ends === undefined && surveySecondsOf(about) > 0,
    predictor,
    surveySeconds: surveySecondsOf(about),
    steps,
    fromStep: state?.step ?? 0,
    ...(resumed === undefined ? {} : { restore: resumed.checkpoint.tensors }),
    checkpointEverySteps: checkpointEvery,
    replicateEverySteps: input.options.replicateEvery ?? 'auto',
    captureEverySteps: input.options.captureEvery ?? 'auto',
    onLoss: input.options.onLoss as 'recover' | 'stop',
    unattended: input.options.unattended,
    deadlines: {
      ...(input.options.unattended ? { boardsOnline: UNATTENDED_SECONDS } : {}),
      surveyed: patience,
      prepared: patience,
      silence: patience,
      link: input.options.linkPatience,
      boardsBack: boardsBackOf(input),
    },
  };
}

/** Boards that are started here for one run without a scenario are all alike, and have the machine to themselves. */
function isUnequal({ input: { options }, inside }: RunContext): boolean {
  return inside !== undefined || options.fleet !== undefined;
}

/** Boards that somebody has named take their places in that order; of a whole fleet the planner may leave some out. */
function isFree(about: RunContext): boolean {
  return isUnequal(about) && about.ends === undefined && !about.input.given.has('boards');
}

const USUAL_SURVEY_SECONDS = 30;
/** Boards of a hub that comes back are back within their longest pause between two attempts to connect, 5 s. */
const UNATTENDED_SECONDS = 10;

function surveySecondsOf(about: RunContext): number {
  const usual = isUnequal(about) && about.ends === undefined ? USUAL_SURVEY_SECONDS : 0;
  return about.input.options.survey ?? usual;
}

/** A board of a tenth of a core takes ten times as long, unless somebody has said how long it may take. */
function patienceOf({ options: { patience }, given }: TrainInput, inside: Inside | undefined): number {
  if (inside === undefined || given.has('patience')) return patience;
  return patience / Math.min(1, ...inside.description.boards.map(({ quota = 1 }) => quota));
}

/** Nobody starts a board of a passing lab again; a fleet's boards are brought back by people. */
export function boardsBackOf({ options: { waitForBoards, fleet } }: TrainInput): number {
  return waitForBoards ?? (fleet === undefined ? 30 : defaultDeadlines.boardsBack);
}
