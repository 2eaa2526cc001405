import { parseArgs } from 'node:util';
import { type Partition, parseScenario, type ScenarioBoard, simulateChurn } from '../planner/index.ts';
import { median } from './statistics.ts';

/**
 * A fleet of four kinds of boards, each of its own speed, that trains a model of the zoo. Its blocks are those between
 * single cuts, so that figures compare with those from before there were others.
 */
const scenarioOf = (boards: number, model: string) => `version: 1
model: ${model}
cuts: single
batch: 64
microBatches: 16
boards:
  - { id: zero, count: ${Math.round(0.4 * boards)}, gflops: 1, gflopsMost: 4, memoryMB: 350, memoryMBMost: 450, callMilliseconds: 1 }
  - { id: pi4, count: ${Math.round(0.3 * boards)}, gflops: 8, gflopsMost: 14, memoryMB: 1500, memoryMBMost: 7000, callMilliseconds: 0.5 }
  - { id: pi5, count: ${Math.round(0.2 * boards)}, gflops: 20, gflopsMost: 40, memoryMB: 3500, memoryMBMost: 7000, callMilliseconds: 0.3 }
  - { id: orin, count: ${Math.round(0.1 * boards)}, gflops: 40, gflopsMost: 90, memoryMB: 7000, callMilliseconds: 0.3 }
links: { megabitsPerSecond: 940, latencyMilliseconds: 0.3 }
`;

/** Boards leave and join; after each change the work is shared out anew. Numbers are defined in METHODOLOGY.md. */
export async function churnBench(args: readonly string[]): Promise<unknown> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      boards: { type: 'string', default: '1000' },
      minutes: { type: 'string', default: '2' },
      model: { type: 'string', default: 'mobilenetv2' },
      json: { type: 'boolean', default: false },
    },
  });
  const scenario = parseScenario(scenarioOf(Number(values.boards), values.model), 'the bench');
  const churn = { minutes: Number(values.minutes), seed: 1, leavePerMinute: 0.2, joinPerMinute: 0.2 };
  const times: number[] = [];
  const blocks = { count: 0 };
  let invalid = 0;
  let begun = 0;
  const summary = simulateChurn(scenario, churn, {
    onChange: () => {
      begun = performance.now();
    },
    onPlan: (plan, online) => {
      times.push(performance.now() - begun);
      if (plan === undefined) return;
      blocks.count ||= plan.stages.at(-1)!.lastBlock + 1;
      if (!isValid(plan, online, blocks.count)) invalid++;
    },
  });
  const sorted = times.toSorted((a, b) => a - b);
  return {
    boards: scenario.boards.length,
    model: values.model,
    blocks: blocks.count,
    minutes: churn.minutes,
    changes: summary.changes,
    medianMilliseconds: round1(median(times)),
    p99Milliseconds: round1(sorted[Math.floor(0.99 * sorted.length)] ?? Number.NaN),
    worstMilliseconds: round1(sorted.at(-1) ?? Number.NaN),
    invalidPlans: invalid,
    withoutPlan: summary.without,
    interruptedSteps: summary.interrupted,
    boardsUsed: summary.boardsUsed,
  };
}

/** Every block once and in order, every board at most once and online, every stage within its board's memory. */
function isValid(plan: Partition, online: readonly ScenarioBoard[], blocks: number): boolean {
  const memory = new Map(online.map(({ id, memoryBytes }) => [id, memoryBytes]));
  let next = 0;
  for (const { board, firstBlock, lastBlock, memoryBytes } of plan.stages) {
    if (firstBlock !== next || lastBlock < firstBlock || memoryBytes > (memory.get(board) ?? -1)) return false;
    memory.delete(board);
    next = lastBlock + 1;
  }
  return next === blocks;
}

const round1 = (value: number) => Math.round(10 * value) / 10;
