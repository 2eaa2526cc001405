import { DEFAULT_PROFILES, loadProfile, onnxRuntime } from '../../agent/index.ts';
import { fleetPaths, readFleet } from '../../broker/index.ts';
import { type Cuts, defaultCuts, modelNames, UnknownModelError } from '../../models/index.ts';
import {
  BatchDivisionError,
  defaultScheduleWish,
  microBatchCandidates,
  nominalLink,
  parseCodecWish,
  planScenario,
  type Scenario,
  type ScenarioBoard,
  type ScenarioWork,
  scheduleWishes,
} from '../../planner/index.ts';
import { codecOption, minBitsOption } from '../codec-options.ts';
import { type CommandInput, defineCommand } from '../command.ts';
import { cutsOption } from '../cuts-option.ts';
import { UsageError } from '../errors.ts';
import { DEFAULT_FLEETS } from '../fleets.ts';
import { flag, type Option, oneOf, text, wholeNumber, withDefault } from '../options/index.ts';
import { planReport, printPlan, writeChart } from '../planning/report.ts';
import { readScenario } from '../planning/scenarios.ts';
import { readPredictor } from '../predictor/files.ts';

/** What a board is taken to be as long as it has no profile: a board of four cores and 2 GB. */
const NOMINAL = { flopsPerSecond: 40e9, memoryBytes: 2e9, callSeconds: 0 } as const;

const options = {
  model: text('NAME', `which model: ${modelNames.join(', ')}; that of the scenario when not given`),
  fleet: text('NAME', 'the fleet whose boards are planned with'),
  fleets: withDefault(text('DIR', 'the directory of fleet files'), DEFAULT_FLEETS),
  profiles: withDefault(text('DIR', "the directory of the fleet's profiles"), DEFAULT_PROFILES),
  scenario: text('FILE', 'a scenario whose boards and links are planned with (see `flotilla simulate`)'),
  batch: wholeNumber('samples of one step (64, or those of the scenario, when not given)'),
  microBatches: microBatchNumbers(),
  schedule: oneOf(scheduleWishes, 'the pipeline schedule'),
  cuts: cutsOption,
  codec: withDefault(codecOption, 'none'),
  minBits: minBitsOption,
  useAll: flag('give every board at least one block, even where the step is shorter without it'),
  svg: text('FILE', 'also write the chart of a step as SVG'),
} as const;

export const planCommand = defineCommand({
  name: 'plan',
  summary: 'Say which board would hold which blocks, and why; starts nothing.',
  details: [
    'Boards of a fleet are planned with their profiles (`flotilla calibrate --board ID`), where they lie in --profiles; ' +
      'the others are taken for equal, with the times that follow from flops. A scenario says itself how fast its boards ' +
      'and links are.',
  ],
  options,
  examples: [
    'flotilla plan --model resnet18 --fleet lab',
    'flotilla plan --model vgg11 --scenario scenario.yaml --micro-batches auto',
    'flotilla plan --model resnet18 --scenario scenario.yaml --codec auto',
  ],
  async run({ options: given }, { output }) {
    const scenario = withOptions(await startingScenario(given), given);
    const planned = planScenario(scenario, parseCodecWish(given.codec, given.minBits, Number.POSITIVE_INFINITY));
    printPlan(planned, scenario, output, true);
    if (given.svg !== undefined) await writeChart(planned, given.svg);
    return { report: planReport(planned, scenario) };
  },
});

type Given = CommandInput<typeof options>['options'];

async function startingScenario({ scenario, fleet, fleets, model, profiles, cuts }: Given): Promise<Scenario> {
  if ((scenario === undefined) === (fleet === undefined)) {
    throw new UsageError('OPTION_VALUE', 'say which boards: --fleet NAME or --scenario FILE, one of them.');
  }
  if (scenario !== undefined) return readScenario(scenario);
  if (model === undefined) throw new UsageError('OPTION_VALUE', `say which model: --model ${modelNames.join(' | ')}.`);
  const { boards } = await readFleet(fleetPaths(fleets, fleet!).file);
  return {
    work: modelWork(model, cuts),
    batch: 64,
    microBatches: [4],
    schedule: defaultScheduleWish,
    useAll: false,
    boards: await Promise.all(boards.map(({ id }) => boardOf(id, profiles))),
    predictor: (await readPredictor()).model,
    link: nominalLink,
    links: new Map(),
    split: undefined,
    churn: undefined,
  };
}

/** @throws PredictorTruncatedError, PredictorFileError for a profile that cannot be read */
async function boardOf(id: string, profiles: string): Promise<ScenarioBoard> {
  const profile = await loadProfile(profiles, id, onnxRuntime);
  return { id, ...NOMINAL, ...(profile && { profile }) };
}

/** @throws UnknownModelError, BatchDivisionError */
function withOptions(scenario: Scenario, given: Given): Scenario {
  const { model, batch, microBatches, schedule, useAll } = given;
  if (model !== undefined && !(modelNames as readonly string[]).includes(model)) {
    throw new UnknownModelError(model, modelNames);
  }
  const samples = batch ?? scenario.batch;
  const numbers =
    microBatches === 'auto' ? microBatchCandidates(samples, { most: 64 }) : (microBatches ?? scenario.microBatches);
  const odd = numbers.find((number) => samples % number !== 0);
  if (odd !== undefined) throw new BatchDivisionError(samples, odd);
  return {
    ...scenario,
    work: workOf(scenario, given),
    batch: samples,
    microBatches: numbers,
    schedule: schedule ?? scenario.schedule,
    useAll: useAll || scenario.useAll,
  };
}

/** The scenario's, but for what was typed; blocks that a scenario writes down have no other cuts. */
function workOf({ work }: Scenario, { model, cuts }: Given): ScenarioWork {
  if (model !== undefined) return modelWork(model, cuts ?? (work.kind === 'model' ? work.cuts : undefined));
  return work.kind === 'model' && cuts !== undefined ? { ...work, cuts } : work;
}

function modelWork(name: string, cuts: Cuts = defaultCuts): ScenarioWork {
  return { kind: 'model', name, classes: 10, optimizer: 'sgd', cuts };
}

function microBatchNumbers(): Option<readonly number[] | 'auto' | undefined> {
  return {
    about:
      'parts that the batch goes through the pipeline in, several to choose from, or auto: any that divides the batch',
    placeholder: 'N|N,N|auto',
    rule: "a whole number from 1 up, several with commas, or 'auto'",
    read(typed) {
      if (typed === 'auto') return 'auto';
      const numbers = typed.split(',').map((part) => (/^\d+$/.test(part) ? Number(part) : 0));
      return numbers.every((number) => number >= 1 && number <= 1024) ? numbers : undefined;
    },
  };
}
