import { randomBytes } from 'node:crypto';
import { join, resolve } from 'node:path';
import { writeCheckpoint } from '../../agent/index.ts';
import {
  type CheckpointStore,
  defaultDeadlines,
  type RunResult,
  type RunSettings,
  runTraining,
} from '../../planner/coordinator/index.ts';
import { type FittedModel, formatPlan } from '../../planner/index.ts';
import { type Context, defineCommand, type Outcome } from '../command.ts';
import { numberedBoards } from '../fleet-options.ts';
import { openFleet, runsDirectory } from '../fleets.ts';
import { enterScenario, type Inside, type ScenarioLab, startScenarioLab } from '../lab/index.ts';
import { logTo } from '../log.ts';
import { readPredictor } from '../predictor/files.ts';
import { joinOrStartHub } from '../processes/hub.ts';
import { type Lab, loopbackPlaces, startPassingLab } from '../processes/lab.ts';
import { CHECKPOINTS, prepareRunDirectory } from '../train/files.ts';
import { type TrainInput, trainOptions, wishesFrom } from '../train/options.ts';
import { progressPrinter } from '../train/progress.ts';
import { finishRun } from '../train/report.ts';
import { checkResumed, findResumed, type Resumed, wishesOfResumed } from '../train/resume.ts';
import { type CheckedRun, checkRun, runStateOf } from '../train/settings.ts';
import { splitEnds } from '../train/split.ts';
import { startStepClock } from '../train/step-clock.ts';

export const train = defineCommand({
  name: 'train',
  summary: 'Train a model across boards; ends with an ONNX file and its accuracy.',
  details: [
    'Writes DIR/model.onnx, DIR/run.json and DIR/checkpoints. Ctrl-C ends the run after the steps under way and leaves ' +
      'a checkpoint; --resume goes on from it, to the same losses.',
    'With --resume the run keeps its settings, and what differs is refused, but for these: --steps or --epochs say how ' +
      'long the run is to be, the steps that are done included (where its rate is a cosine, only together with --lr); ' +
      '--lr, --momentum, --weight-decay and --clip-norm hold for the steps to come; --data says where the same data ' +
      'lie now.',
    'With --scenario the boards are emulated on this machine, each with its share of a core and its network (docs/lab.md).',
  ],
  options: trainOptions,
  examples: [
    'flotilla train --model cifarnet --boards 4',
    'flotilla train --model resnet18 --data ./cifar10 --boards 3 --epochs 10 --augment',
    'flotilla train --resume runs/my-run --boards 2',
    'flotilla train --resume runs/my-run --steps 2000 --lr 0.005',
    'flotilla train --model vgg11 --scenario uneven.yaml --split 0-4,5-6,7,8',
  ],
  run: startRun,
});

interface RunContext {
  readonly input: TrainInput;
  readonly checked: CheckedRun;
  readonly run: string;
  readonly directory: string;
  readonly ids: readonly string[];
  readonly resumed: Resumed | undefined;
  /** The lab of a scenario, where this process runs inside one. */
  readonly inside: Inside | undefined;
  /** Where each board's blocks end; the planner chooses when undefined. */
  readonly ends: readonly number[] | undefined;
}

async function startRun(input: TrainInput, context: Context): Promise<Outcome> {
  const { scenario } = input.options;
  const entered = scenario === undefined ? undefined : await enterScenario(scenario, input.given, context);
  if (entered !== undefined && 'outcome' in entered) return entered.outcome;
  const about = await checkInput(input, entered?.inside, context);
  const { checked, run, directory, ids, resumed } = about;
  await prepareRunDirectory(directory, resumed !== undefined && resolve(directory) === resolve(resumed.directory));
  context.output.line(beginning(input, ids));
  const lab = await openLab(about, context);
  const clock = startStepClock();
  try {
    const result = await trainOn(lab, about, clock.tick, context);
    if (result.reason === 'interrupted') return interrupted(result, checked, run, directory, context);
    const lossesBefore = resumed?.checkpoint.state.losses ?? [];
    const seen = { stepSeconds: clock.stepSeconds(), uses: await lab.uses?.() };
    return { report: await finishRun({ result, checked, directory, lossesBefore, ...seen }, context) };
  } finally {
    await lab.close();
  }
}

/** Everything that can be refused is refused here, before anything is started or written. */
async function checkInput(input: TrainInput, inside: Inside | undefined, { interrupts }: Context): Promise<RunContext> {
  const { gentle } = interrupts;
  const resumed = await findResumed(input, gentle);
  const wishes = resumed === undefined ? wishesFrom(input) : wishesOfResumed(input, resumed);
  const ids = await boardsOf(input, inside);
  const { split, cuts } = input.options;
  const checked = await checkRun(wishes, { boards: ids.length, cuts }, gentle);
  const ends = split === undefined ? undefined : splitEnds(split, ids, checked.blocks);
  if (resumed !== undefined) checkResumed(checked, input, resumed);
  const run = resumed?.checkpoint.state.run ?? newRunName(checked.model.name);
  const directory = input.options.out ?? resumed?.directory ?? runsDirectory(run);
  return { input, checked, run, directory, ids, resumed, inside, ends };
}

/** Said at once: boards take some seconds to come up. */
function beginning({ options: { fleet } }: TrainInput, ids: readonly string[]): string {
  if (fleet !== undefined) return `Waiting for ${ids.join(', ')} of fleet '${fleet}' …`;
  return `Starting ${ids.length} ${ids.length === 1 ? 'board' : 'boards'} on this machine …`;
}

const surveyWords = {
  first: {
    one: 'measures what it is fast at, and its links',
    several: 'measure what they are fast at, and their links',
  },
  stages: { one: 'measures its stage of the plan', several: 'measure their stage of the plan' },
} as const;

/** It takes some seconds, in which nothing else is to be seen. */
function surveying(boards: readonly string[], round: number): string {
  const { one, several } = round === 0 ? surveyWords.first : surveyWords.stages;
  return `${boards.join(', ')} ${boards.length === 1 ? one : several} …`;
}

function interrupted(
  { steps, checkpoint }: RunResult,
  checked: CheckedRun,
  run: string,
  directory: string,
  { output }: Context,
): Outcome {
  const next =
    checkpoint === undefined ? 'Nothing was trained yet.' : `Go on with: flotilla train --resume ${directory}`;
  output.status('');
  output.line(`Stopped after step ${steps} of ${checked.steps}. ${next}`);
  return { exitCode: 130, report: { run, steps, interrupted: true, checkpoint: checkpoint ?? null } };
}

async function trainOn(
  lab: Lab,
  about: RunContext,
  onStep: () => void,
  { output, interrupts }: Context,
): Promise<RunResult> {
  const print = progressPrinter(output);
  const { model: predictor } = await readPredictor();
  return runTraining(
    {
      messenger: lab.hub.messenger,
      transport: lab.hub.transport,
      hubUrl: lab.hub.dataUrl,
      checkpoints: checkpointStore(about),
      log: logTo(output, about.input.options.verbose),
      lastWords: (board) => lab.lastWords(board),
      onSurvey: (boards, round) => output.line(surveying(boards, round)),
      onPlan: (plan) => output.line(formatPlan(plan)),
      onNotice: (text) => output.line(text),
      onProgress(progress) {
        onStep();
        print(progress);
      },
      interrupt: interrupts.gentle,
    },
    runSettings(about, predictor),
    interrupts.urgent,
  );
}

function checkpointStore({ run, checked, directory, resumed }: RunContext): CheckpointStore {
  const before = resumed?.checkpoint.state.losses ?? [];
  return {
    write({ step, term, losses }, tensors, signal) {
      const state = runStateOf(run, checked, step, term, [...before, ...losses]);
      const byName = new Map(tensors.map(({ name, shape, data }) => [name, { shape, data }]));
      return writeCheckpoint(join(directory, CHECKPOINTS), { state, tensors: byName }, { signal });
    },
  };
}

function runSettings(about: RunContext, predictor: FittedModel): RunSettings {
  const { input, checked, run, ids, resumed, inside, ends } = about;
  const { wishes, model, train: trainData, steps, source } = checked;
  const { kind, ...rate } = checked.learningRate;
  const { checkpointEvery, cuts } = input.options;
  const patience = patienceOf(input, inside);
  const { augment, trainLimit } = wishes;
  const state = resumed?.checkpoint.state;
  return {
    run,
    term: Number(state?.options.term ?? 0) + 1,
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
    onLoss: input.options.onLoss as 'recover' | 'stop',
    deadlines: {
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
function boardsBackOf({ options: { waitForBoards, fleet } }: TrainInput): number {
  return waitForBoards ?? (fleet === undefined ? 30 : defaultDeadlines.boardsBack);
}

async function boardsOf(
  { options: { boards, fleet, fleets } }: TrainInput,
  inside: Inside | undefined,
): Promise<readonly string[]> {
  if (inside !== undefined) return inside.description.boards.map(({ id }) => id);
  if (fleet === undefined) return boards ?? numberedBoards(2);
  const known = (await openFleet(fleets, fleet, 'hub')).fleet.boards.map(({ id }) => id);
  return boards ?? known;
}

/** The fleet that was asked for, or a lab that is started for this run. */
async function openLab(
  { input, ids, inside }: RunContext,
  { output }: Context,
): Promise<Lab & Partial<Pick<ScenarioLab, 'uses'>>> {
  const { fleet, fleets, threads, verbose, dataBroker } = input.options;
  const log = logTo(output, verbose);
  if (inside !== undefined) return startScenarioLab(inside, log, verbose, dataBroker);
  if (fleet === undefined) return startPassingLab({ places: loopbackPlaces(ids, threads), dataBroker, log, verbose });
  const opened = await openFleet(fleets, fleet, 'hub');
  const { address: host, port } = opened.fleet.hub;
  const { identity, keyring } = opened;
  const hub = await joinOrStartHub({ identity, keyring, host, port, dataBroker, log });
  return { hub, boards: [], lastWords: async () => undefined, close: () => hub.close() };
}

function newRunName(model: string): string {
  return `${model}-${randomBytes(3).toString('hex')}`;
}
