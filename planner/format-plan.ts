import type { Partition } from './partition/index.ts';
import type { Plan, PlanStage } from './plan.ts';
import { formatWidth } from './widths/index.ts';
import { count, duration } from './words.ts';

/**
 * A plan in words and a table: who holds which blocks, its share of the work, its time a step and its memory.
 * Ends with a line on the slowest board. No line end after the last line.
 */
export function formatPlan(plan: Plan): string {
  const { run, term, model, blocks, batch, microBatches, schedule, stages, predictedStepSeconds, codecs } = plan;
  const heading = `Plan ${term} of run ${run}: ${model.name}, ${count(blocks, 'block')} on ${count(stages.length, 'board')}`;
  const step =
    `A step is ${count(batch, 'sample')} as ${count(microBatches, 'micro-batch', 'micro-batches')} ` +
    `of ${batch / microBatches}, scheduled by ${schedule}.`;
  const table = alignColumns([columns, ...stages.map(row)]).map((line) => `  ${line}`);
  const expected =
    predictedStepSeconds === undefined ? [] : [`A step is expected to take ${duration(predictedStepSeconds)}.`];
  return [heading, step, ...table, ...slowest(stages), ...widthsOfLinks(stages, codecs), ...expected].join('\n');
}

/** The table alone, of a partition that is not (yet) a plan. */
export function formatPartition({ stages }: Partition): string {
  return alignColumns([columns, ...stages.map(row)])
    .map((line) => `  ${line}`)
    .join('\n');
}

const columns = ['stage', 'board', 'blocks', 'work', 'a step', 'memory'];

function row({ stage, board, firstBlock, lastBlock, flopsShare, predictedSeconds, memoryBytes }: PlanStage): string[] {
  return [
    String(stage),
    board,
    firstBlock === lastBlock ? String(firstBlock) : `${firstBlock} to ${lastBlock}`,
    `${Math.round(flopsShare * 100)} %`,
    duration(predictedSeconds),
    `${Math.round(memoryBytes / 1e6)} MB`,
  ];
}

function slowest(stages: readonly PlanStage[]): readonly string[] {
  if (stages.length === 1) return [];
  const { stage, board, predictedSeconds } = stages.reduce((a, b) => (b.predictedSeconds > a.predictedSeconds ? b : a));
  return [`The others wait for ${board} (stage ${stage}), which computes ${duration(predictedSeconds)} a step.`];
}

/** `Links: board1 → board2 4/8 bits, board2 → board3 float32.` */
function widthsOfLinks(stages: readonly PlanStage[], codecs: Plan['codecs']): readonly string[] {
  if (codecs === undefined) return [];
  const links = codecs.links.map(
    (link, index) => `${stages[index]!.board} → ${stages[index + 1]!.board} ${formatWidth(link)}`,
  );
  const from = codecs.warmUpSteps === 0 ? '' : ` from step ${codecs.warmUpSteps} on`;
  return [`Links${from}: ${links.join(', ')}.`];
}

/** Words to the left, numbers (from the fourth column on) to the right. */
function alignColumns(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((cells) => cells[column]!.length)));
  const align = (cell: string, column: number) =>
    column < 3 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!);
  return rows.map((cells) => cells.map(align).join('  ').trimEnd());
}
