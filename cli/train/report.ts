import { join } from 'node:path';
import { evaluate, parametersOf } from '../../agent/index.ts';
import { exportInference } from '../../models/index.ts';
import type { RunResult } from '../../planner/coordinator/index.ts';
import type { Context } from '../command.ts';
import { type BoardUse, formatUses } from '../lab/index.ts';
import type { Output } from '../output.ts';
import { MODEL_FILE, RUN_FILE } from '../runs/index.ts';
import { alignRows, boardRows, changeRows, costOf, linkBytes, linkRows, percent } from './closing-table.ts';
import { type Patience, whenThereIsSpace } from './disk.ts';
import { writeWhole } from './files.ts';
import type { CheckedRun } from './settings.ts';

export interface FinishedRun {
  readonly result: RunResult;
  readonly checked: CheckedRun;
  readonly directory: string;
  /** Of the steps before the one that the run was resumed from. */
  readonly lossesBefore: readonly number[];
  /** From the end of each step to that of the next. */
  readonly stepSeconds: readonly number[];
  /** What the boards of a scenario had of a core. */
  readonly uses: readonly BoardUse[] | undefined;
  /** With a disk that is full. */
  readonly patience: Pick<Patience, 'seconds'>;
}

/** Writes the model and the record of the run, and says how it went. @returns what `--json` prints */
export async function finishRun(finished: FinishedRun, { output, interrupts }: Context) {
  const { result, checked, directory, lossesBefore, stepSeconds, uses } = finished;
  const modelFile = join(directory, MODEL_FILE);
  const onnx = exportedModel(result, checked);
  const patience = { ...finished.patience, say: (line: string) => output.line(line), signal: interrupts.gentle };
  await whenThereIsSpace(`'${modelFile}'`, () => writeWhole(modelFile, onnx), patience);
  const accuracy = checked.test === null ? null : (await evaluate(onnx, checked.test, interrupts.gentle)).accuracy;
  const { computeShare, runtimeShare } = costOf(result);
  const losses = [...lossesBefore, ...result.losses];
  const report = {
    run: result.run,
    steps: result.steps,
    loss: losses.at(-1) ?? null,
    accuracy,
    samplesPerSecond: result.samplesPerSecond,
    seconds: result.seconds,
    computeShare,
    runtimeShare,
    boards: result.perBoard,
    links: linkBytes(result),
    ...(uses === undefined ? {} : { lab: uses }),
    files: { model: modelFile, run: join(directory, RUN_FILE), checkpoint: result.checkpoint ?? null },
  };
  // Times and bytes are of the steps from this one on; the losses are of all.
  const fromStep = result.steps - result.losses.length;
  const { plan, recoveries } = result;
  const record = { ...report, fromStep, plan, recoveries, losses, stepSeconds };
  const text = `${JSON.stringify(record, null, 2)}\n`;
  await whenThereIsSpace(`'${report.files.run}'`, () => writeWhole(report.files.run, text), patience);
  printReport(report, result, changeRows(result, stepSeconds, fromStep), output);
  return report;
}

function exportedModel({ tensors }: RunResult, { model, train: { classes, normalization } }: CheckedRun): Uint8Array {
  return exportInference(model, parametersOf(tensors), { classes, normalization });
}

type Report = Awaited<ReturnType<typeof finishRun>>;

function printReport(
  { loss, accuracy, links, lab = [], files }: Report,
  result: RunResult,
  changes: readonly (readonly string[])[],
  output: Output,
): void {
  const { cores, computeShare, runtimeShare } = costOf(result);
  output.status('');
  output.line();
  for (const line of alignRows(boardRows(result))) output.line(line);
  output.line();
  if (links.length > 0) {
    for (const line of alignRows(linkRows(links, result.losses.length))) output.line(line);
    output.line();
  }
  if (changes.length > 0) {
    for (const line of alignRows(changes)) output.line(line);
    output.line();
  }
  if (lab.length > 0) {
    for (const line of formatUses(lab)) output.line(line);
    output.line();
  }
  const rows = [
    ['samples per second', result.samplesPerSecond.toFixed(1)],
    [`boards' compute time ÷ (wall time × ${cores} cores)`, percent(computeShare)],
    ["runtime's own share of the boards' CPU time", percent(runtimeShare)],
    ['loss of the last step', (loss ?? Number.NaN).toFixed(4)],
    [`accuracy of ${files.model}`, accuracy === null ? 'no test data' : percent(accuracy)],
  ];
  for (const line of alignRows(rows)) output.line(line);
  output.line(`files: ${files.model}, ${files.run}${files.checkpoint === null ? '' : `, ${files.checkpoint}`}`);
}
