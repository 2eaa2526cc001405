import test from 'ava';
import {
  assignmentOf,
  definePartition,
  fitsMemory,
  partition,
  type ScheduleName,
  scheduleNames,
  simulate,
  stepSeconds,
  timelineSvg,
  timelineText,
  uniformLinks,
} from '../../../planner/index.ts';
import { blocksOf, boardsOf, seededNumbers, timed } from '../examples.ts';
import { randomRequest } from '../partition/exhaustive.ts';

const instant = uniformLinks({ bytesPerSecond: 1e15, latencySeconds: 0 });

function played(flops: readonly number[], microBatches: number, schedule: ScheduleName = '1f1b', links = instant) {
  const blocks = blocksOf(flops, { parameterBytes: 0 });
  const boards = timed(blocks, boardsOf(flops.map(() => 1e9)));
  const problem = definePartition({ blocks, boards, microBatches, schedule, links });
  const assignment = flops.map((_, board) => ({ board, first: board, end: board + 1 }));
  return { problem, assignment, simulation: simulate(problem, assignment) };
}

const close = (actual: number, expected: number) => Math.abs(actual - expected) <= 1e-6 * expected;

test('equal stages and free links fill and drain the pipeline: (M + S - 1) times a stage', (t) => {
  for (const schedule of scheduleNames) {
    const { simulation } = played([3e6, 3e6, 3e6, 3e6], 8, schedule);
    t.true(close(simulation.stepSeconds, (8 + 3) * 0.003), schedule);
    for (const { idleShare } of simulation.boards) t.true(Math.abs(idleShare - 3 / 11) < 1e-6);
  }
});

test('one board computes all the time', (t) => {
  const { simulation } = played([3e6], 4);
  t.true(close(simulation.stepSeconds, 0.012));
  t.true(simulation.boards[0]!.idleShare < 1e-9);
  t.deepEqual(simulation.links, []);
});

test('a board does one thing at a time, in the order of its schedule, and a link carries one tensor at a time', (t) => {
  const links = uniformLinks({ bytesPerSecond: 5e7, latencySeconds: 1e-4 });
  const { simulation } = played([3e6, 1e6, 5e6], 6, '1f1b', links);
  const { spans, transits } = simulation.timeline;
  for (const stage of [0, 1, 2]) {
    const own = spans.filter((span) => span.stage === stage);
    for (const [index, span] of own.entries()) {
      if (index > 0) t.true(span.start >= own[index - 1]!.end - 1e-12);
    }
  }
  for (const [from, to] of [
    [0, 1],
    [1, 0],
    [1, 2],
    [2, 1],
  ] as const) {
    const own = transits.filter((transit) => transit.from === from && transit.to === to);
    t.is(own.length, 6);
    for (const [index, transit] of own.entries()) {
      if (index > 0) t.true(transit.start >= own[index - 1]!.free - 1e-12);
    }
  }
});

test('a slow stage makes its neighbours wait for it, by name', (t) => {
  const { simulation } = played([1e6, 9e6, 1e6], 8);
  const [first, slow, last] = simulation.boards;
  t.true(first!.waitsForNext > 0.5 * simulation.stepSeconds);
  t.true(last!.waitsForPrevious > 0.5 * simulation.stepSeconds);
  t.true(slow!.idleShare < 0.05);
});

test('the step that the partition reckons with is never above the simulated one, and mostly equal to it', (t) => {
  const random = seededNumbers(8);
  const ratios: number[] = [];
  while (ratios.length < 400) {
    const request = { ...randomRequest(random), useAll: true };
    const boards = request.boards.map((board) => ({ ...board, memoryBytes: 1e15 }));
    const { first: _first, ...free } = request;
    const problem = definePartition({ ...free, boards });
    const assignment = assignmentOf(problem, partition({ ...free, boards }));
    t.true(fitsMemory(problem, assignment));
    ratios.push(stepSeconds(problem, assignment) / simulate(problem, assignment, 6).stepSeconds);
  }
  ratios.sort((a, b) => a - b);
  t.true(ratios.at(-1)! <= 1 + 1e-9, `the largest is ${ratios.at(-1)}`);
  t.true(ratios[200]! > 1 - 1e-9, `the median is ${ratios[200]}`);
  t.true(ratios[20]! > 0.93, `one in twenty is below ${ratios[20]}`);
});

test("a board's two links share its wire, where it has one", (t) => {
  const link = { bytesPerSecond: 1e7, latencySeconds: 0 };
  const [apart, shared] = [link, { ...link, senderBytesPerSecond: 1e7 }].map((each) =>
    played([1e5, 1e5, 1e5], 16, 'eager-1f1b', uniformLinks(each)),
  ) as [ReturnType<typeof played>, ReturnType<typeof played>];
  const bytes = apart.problem.blocks[0]!.outputBytes;
  // The board in the middle sends an activation on and a gradient back for each micro-batch.
  t.true(apart.simulation.stepSeconds < (16 * 2 * bytes) / 1e7);
  t.true(shared.simulation.stepSeconds > (16 * 2 * bytes) / 1e7);
  t.true(stepSeconds(shared.problem, shared.assignment) > (16 * 2 * bytes) / 1e7);
  const { transits } = shared.simulation.timeline;
  const own = transits.filter(({ from }) => from === 1).sort((a, b) => a.start - b.start);
  for (const [index, transit] of own.entries()) {
    if (index > 0) t.true(transit.start >= own[index - 1]!.free - 1e-12);
  }
});

test('a step prints as a chart with a line for each board', (t) => {
  const lines = timelineText(played([3e6, 3e6], 2).simulation, 60).split('\n');
  t.regex(lines[0]!, /^board0 \|[0-9a-z·U]+\| idle \d+ %$/);
  t.regex(lines[1]!, /^board1 \|[#·U]+\| idle \d+ %$/);
  t.regex(lines.at(-1)!, /^A step follows the one before after 9\.0 ms\.$/);
});

test('a step draws as an SVG with a bar for each instruction, and names in it are harmless', (t) => {
  const { simulation } = played([3e6, 3e6], 2);
  const svg = timelineSvg({ ...simulation, boards: simulation.boards.map((each) => ({ ...each, board: '<b>&"' })) });
  t.true(svg.startsWith('<svg xmlns="http://www.w3.org/2000/svg"') && svg.endsWith('</svg>\n'));
  t.is(svg.match(/<title>/g)?.length, 2 + 2 + 2 + 2);
  t.notRegex(svg, /<b>/);
});
