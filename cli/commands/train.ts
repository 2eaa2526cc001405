import { resolve } from 'node:path';
import { type RunResult, runTraining } from '../../planner/coordinator/index.ts';
import { formatPlan } from '../../planner/index.ts';
import { type Context, defineCommand, type Outcome } from '../command.ts';
import { openFleet } from '../fleets.ts';
import { enterScenario, type ScenarioLab, startScenarioLab } from '../lab/index.ts';
import { logTo } from '../log.ts';
import { readPredictor } from '../predictor/files.ts';
import { joinOrStartHub } from '../processes/hub.ts';
import { type Lab, loopbackPlaces, startPassingLab } from '../processes/lab.ts';
import { holdRun, type RunLog } from '../runs/index.ts';
import { checkpointStore } from '../train/checkpoint-store.ts';
import { findEarlier, withEarlierOptions } from '../train/earlier.ts';
import { prepareRunDirectory } from '../train/files.ts';
import { type TrainInput, trainOptions } from '../train/options.ts';
import { progressPrinter } from '../train/progress.ts';
import { recorded } from '../train/record.ts';
import { finishRun } from '../train/report.ts';
import { resultOfCheckpoint } from '../train/resume.ts';
import { checkInput, type RunContext } from '../train/run-context.ts';
import { boardsBackOf, runSettings } from '../train/run-settings.ts';
import type { CheckedRun } from '../train/settings.ts';
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
    '`flotilla watch` in another terminal shows what the boards do.',
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

async function startRun(typed: TrainInput, context: Context): Promise<Outcome> {
  const earlier = await findEarlier(typed);
  const input = withEarlierOptions(typed, earlier);
  const { scenario } = input.options;
  const entered = scenario === undefined ? undefined : await enterScenario(scenario, input.given, context);
  if (entered !== undefined && 'outcome' in entered) return entered.outcome;
  const about = await checkInput(input, earlier, entered?.inside, context);
  const { directory, resumed } = about;
  const before = (resumed ?? earlier)?.directory;
  await prepareRunDirectory(directory, before !== undefined && resolve(directory) === resolve(before));
  const hold = await holdRun(directory);
  try {
    return await recorded(about, context, (log) => trainAndFinish(about, log, context));
  } finally {
    await hold.release();
  }
}

async function trainAndFinish(about: RunContext, log: RunLog, context: Context): Promise<Outcome> {
  const { input, checked, run, directory, resumed } = about;
  const lossesBefore = resumed?.checkpoint.state.losses ?? [];
  const finished = { checked, directory, lossesBefore, patience: { seconds: boardsBackOf(input) } };
  if (resumed !== undefined && resumed.checkpoint.state.step >= checked.steps) {
    const seen = { result: resultOfCheckpoint(resumed), stepSeconds: [], uses: undefined };
    return { report: await finishRun({ ...finished, ...seen }, context) };
  }
  context.output.line(beginning(about));
  if (resumed !== undefined && feedsBack(checked)) context.output.line(FEEDBACK_STARTS_ANEW);
  const lab = await openLab(about, context);
  const clock = startStepClock();
  try {
    const onStep = (steps: number) => {
      clock.tick();
      lab.stepDone?.(steps);
    };
    const result = await trainOn(lab, about, onStep, log, context);
    if (result.reason === 'interrupted') return interrupted(result, checked, run, directory, context);
    const seen = { stepSeconds: clock.stepSeconds(), uses: await lab.uses?.() };
    return { report: await finishRun({ ...finished, result, ...seen }, context) };
  } finally {
    await lab.close();
  }
}

/** Said at once: boards take some seconds to come up. */
function beginning({ input: { options }, ids, late }: RunContext): string {
  if (options.fleet !== undefined) return `Waiting for ${ids.join(', ')} of fleet '${options.fleet}' …`;
  const count = ids.length - late.length;
  return `Starting ${count} ${count === 1 ? 'board' : 'boards'} on this machine …`;
}

/** What links have not sent yet is in no checkpoint. [docs/codec.md] */
const FEEDBACK_STARTS_ANEW =
  'Error feedback starts anew: what was lost of the last step before the checkpoint is not added to the next one.';

function feedsBack({ codecs }: CheckedRun): boolean {
  return codecs?.kind === 'fixed' && Object.values(codecs.codecs).some(({ feedback }) => feedback);
}

const surveyWords = {
  first: {
    one: 'measures what it is fast at, and its links',
    several: 'measure what they are fast at, and their links',
  },
  stages: { one: 'measures its stage of the plan', several: 'measure their stage of the plan' },
} as const;

/** It takes some seconds, in which nothing else is to be seen. */
function surveying(boards: readonly string[], what: keyof typeof surveyWords): string {
  const { one, several } = surveyWords[what];
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
  onStep: (steps: number) => void,
  runLog: RunLog,
  { output, interrupts }: Context,
): Promise<RunResult> {
  const print = progressPrinter(output);
  const { model: predictor } = await readPredictor();
  return runTraining(
    {
      messenger: lab.hub.messenger,
      transport: lab.hub.transport,
      hubUrl: lab.hub.dataUrl,
      checkpoints: checkpointStore(about, (line) => output.line(line)),
      log: logTo(output, about.input.options.verbose),
      lastWords: (board) => lab.lastWords(board),
      onSurvey: (boards, what) => output.line(surveying(boards, what)),
      onPlan: (plan) => output.line(formatPlan(plan)),
      onNotice: (text) => output.line(text),
      onProgress(progress) {
        onStep(progress.step);
        print(progress);
      },
      onEvent(event) {
        // On the disk before any board hears of it.
        if (event.kind === 'decided' && (event.action.kind === 'adopt' || event.action.kind === 'propose'))
          runLog.write({ kind: 'term', term: event.action.plan.term });
      },
      interrupt: interrupts.gentle,
    },
    runSettings(about, predictor),
    interrupts.urgent,
  );
}

/** The fleet that was asked for, or a lab that is started for this run. */
async function openLab(
  { input, ids, inside }: RunContext,
  { output }: Context,
): Promise<Lab & Partial<Pick<ScenarioLab, 'uses' | 'stepDone'>>> {
  const { fleet, fleets, threads, verbose, dataBroker } = input.options;
  const log = logTo(output, verbose);
  if (inside !== undefined) {
    return startScenarioLab(inside, { log, verbose, dataBroker, say: (line) => output.line(line) });
  }
  if (fleet === undefined) return startPassingLab({ places: loopbackPlaces(ids, threads), dataBroker, log, verbose });
  const opened = await openFleet(fleets, fleet, 'hub');
  const { address: host, port } = opened.fleet.hub;
  const { identity, keyring, paths } = opened;
  const { viewer } = opened.fleet;
  const drainedFile = paths.drained;
  const hub = await joinOrStartHub({ identity, keyring, host, port, dataBroker, drainedFile, viewer, log });
  return { hub, boards: [], lastWords: async () => undefined, close: () => hub.close() };
}
