import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import {
  explainPartition,
  explainWidths,
  formatPartition,
  formatWidth,
  type PlannedScenario,
  type Scenario,
  timelineSvg,
  timelineText,
} from '../../planner/index.ts';
import { PathError } from '../errors.ts';
import type { Output } from '../output.ts';
import { writeWhole } from '../train/files.ts';

/** What `plan` and `simulate` give with `--json`: seconds, and boards by stage. */
export function planReport({ schedule, partition, simulation, widths }: PlannedScenario, { batch }: Scenario) {
  const { stepSeconds, firstStepSeconds, boards, links } = simulation;
  return {
    microBatches: partition.microBatches,
    schedule,
    stepSeconds,
    firstStepSeconds,
    samplesPerSecond: batch / stepSeconds,
    reckonedStepSeconds: partition.stepSeconds,
    boundSeconds: partition.boundSeconds,
    stages: partition.stages.map(({ memory: _parts, ...stage }) => ({ ...stage, ...boards[stage.stage]! })),
    links,
    widths: widths.map(({ from, to, codecs }) => ({ from, to, width: formatWidth(codecs) })),
    leftOut: partition.leftOut,
  };
}

/** The table, the sentences where wanted, and the chart of one step. */
export function printPlan(planned: PlannedScenario, scenario: Scenario, output: Output, explains: boolean): void {
  const { request, schedule, partition, simulation, widths } = planned;
  const { microBatches } = partition;
  output.line(
    `A step is ${scenario.batch} samples as ${microBatches} micro-batches of ${scenario.batch / microBatches}, scheduled by ${schedule}: ` +
      `${(scenario.batch / simulation.stepSeconds).toFixed(1)} samples per second predicted.`,
  );
  output.line(formatPartition(partition));
  if (explains) {
    output.line();
    for (const line of explainPartition(request, partition)) output.line(line);
    for (const line of explainWidths(widths, partition.stepSeconds)) output.line(line);
  }
  output.line();
  output.line(timelineText(simulation, Math.min(output.columns, 160)));
}

/** @throws PathError where the file cannot be written */
export async function writeChart({ simulation }: PlannedScenario, file: string): Promise<void> {
  try {
    await mkdir(dirname(file), { recursive: true });
    await writeWhole(file, timelineSvg(simulation));
  } catch (error) {
    throw new PathError(file, `cannot be written: ${(error as Error).message}`, { cause: error });
  }
}
