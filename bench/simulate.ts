import { parseArgs } from 'node:util';
import { scenarioText } from './lab/scenario.ts';
import { trainRun } from './pipeline/train-run.ts';
import { type SimulatedCase, simulatedCases } from './simulate/cases.ts';
import { median } from './statistics.ts';

/** Boards measure themselves this long before each run. */
const SURVEY_SECONDS = 30;

interface CaseResult {
  readonly name: string;
  readonly split: string;
  readonly boards: readonly string[];
  readonly predictedSeconds: number;
  readonly measuredSeconds: number;
  /** |predicted ÷ measured − 1|. */
  readonly error: number;
}

/**
 * The step that the planner expects, from what boards have measured of themselves, against the one that a real run in the
 * lab takes. Numbers are defined in METHODOLOGY.md.
 */
export async function simulateBench(args: readonly string[]): Promise<unknown> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      cases: { type: 'string' },
      steps: { type: 'string', default: '6' },
      json: { type: 'boolean', default: false },
    },
  });
  const wanted = values.cases?.split(',');
  const strange = wanted?.find((name) => !simulatedCases.some((each) => each.name === name));
  if (strange !== undefined) {
    throw new Error(`--cases is '${strange}': choose among ${simulatedCases.map(({ name }) => name).join(', ')}`);
  }
  const cases: CaseResult[] = [];
  for (const each of simulatedCases.filter(({ name }) => wanted?.includes(name) ?? true)) {
    const result = await measure(each, Number(values.steps));
    console.error(line(result));
    cases.push(result);
  }
  const errors = cases.map(({ error }) => error);
  return { cases, medianError: median(errors), worstError: Math.max(...errors) };
}

async function measure(
  { name, model, batch, microBatches, quotas, link, split }: SimulatedCase,
  steps: number,
): Promise<CaseResult> {
  const boards = quotas.map((_, index) => `board${index + 1}`);
  const run = await trainRun({
    model,
    scenario: scenarioText(boards, quotas, link),
    batch,
    microBatches,
    steps,
    warmUps: 2,
    survey: SURVEY_SECONDS,
    ...(split === undefined ? {} : { split }),
  });
  const { predictedSeconds, stepSeconds: measuredSeconds } = run;
  const error = round(Math.abs(predictedSeconds / measuredSeconds - 1));
  return {
    name,
    split: run.split,
    boards: run.boards,
    predictedSeconds: round(predictedSeconds),
    measuredSeconds: round(measuredSeconds),
    error,
  };
}

function line({ name, split, predictedSeconds, measuredSeconds, error }: CaseResult): string {
  const seconds = `expected ${predictedSeconds.toFixed(2)} s, took ${measuredSeconds.toFixed(2)} s`;
  return `${name} (${split}): ${seconds}, off by ${(100 * error).toFixed(1)} %`;
}

function round(value: number): number {
  return Number(value.toFixed(4));
}
