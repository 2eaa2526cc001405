import {
  type Assignment,
  type BlockCost,
  engineBaseBytes,
  fitsMemory,
  type LinkModel,
  type PartitionProblem,
  type PartitionRequest,
  type PlannerBoard,
  type ScheduleName,
  stepSeconds,
  uniformLinks,
} from '../../../planner/index.ts';

/** The shortest step of all assignments: every choice and order of boards, every cut. Undefined where none fits. */
export function exhaustive(problem: PartitionProblem): number | undefined {
  let least: number | undefined;
  for (const assignment of allAssignments(problem)) {
    if (!fitsMemory(problem, assignment)) continue;
    const seconds = stepSeconds(problem, assignment);
    if (least === undefined || seconds < least) least = seconds;
  }
  return least;
}

function* allAssignments({ blocks, boards, useAll, keepsOrder, first }: PartitionProblem): Generator<Assignment> {
  function* extend(runs: Assignment, at: number): Generator<Assignment> {
    if (at === blocks.length) {
      if (!useAll || runs.length === boards.length) yield runs;
      return;
    }
    for (const board of boards.keys()) {
      if (runs.some((run) => run.board === board)) continue;
      if (keepsOrder && runs.some((run) => run.board > board)) continue;
      if (first !== undefined && (board === first) !== (runs.length === 0)) continue;
      for (let end = at + 1; end <= blocks.length; end++) yield* extend([...runs, { board, first: at, end }], end);
    }
  }
  yield* extend([], 0);
}

/** A small request drawn at random: unequal boards, links and blocks, memory that is scarce in some. */
export function randomRequest(random: () => number): PartitionRequest {
  const whole = (least: number, most: number) => least + Math.floor(random() * (most - least + 1));
  const oneOf = <T>(values: readonly T[]): T => values[whole(0, values.length - 1)]!;
  const boardCount = whole(1, 4);
  const blocks = Array.from(
    { length: whole(boardCount, 7) },
    (_, index): BlockCost => ({
      name: `block${index}`,
      forwardFlops: whole(0, 50) * 1e5,
      backwardFlops: whole(0, 90) * 1e5,
      parameterBytes: whole(0, 20) * 1e6,
      optimizerBytes: whole(0, 20) * 1e6,
      stashBytesPerMicroBatch: whole(0, 10) * 1e6,
      workspaceBytes: whole(0, 30) * 1e6,
      outputBytes: whole(0, 10) * 1e5,
    }),
  );
  const boards: PlannerBoard[] = [];
  for (let index = 0; index < boardCount; index++) {
    const id = `board${index}`;
    // Equal boards are common in fleets, and interchangeable.
    if (index > 0 && random() < 0.2) {
      boards.push({ ...boards[index - 1]!, id });
      continue;
    }
    const rate = whole(1, 20) * 1e8;
    boards.push({
      id,
      memoryBytes: engineBaseBytes + (random() < 0.5 ? 1e12 : whole(60, 500) * 1e6),
      callSeconds: oneOf([0, 1e-4, 1e-3]),
      blocks: blocks.map(({ forwardFlops, backwardFlops, parameterBytes }) => ({
        forward: ((0.7 + 0.6 * random()) * forwardFlops) / rate,
        backward: ((0.7 + 0.6 * random()) * backwardFlops) / rate,
        update: parameterBytes / rate,
      })),
      ...(random() < 0.4 ? { cutSeconds: cutsOf(blocks, oneOf([0, 1e-4]), 1 / (rate * (5 + 20 * random()))) } : {}),
    });
  }
  return {
    blocks,
    boards,
    microBatches: whole(1, 9),
    schedule: oneOf<ScheduleName>(['1f1b', 'eager-1f1b', 'gpipe']),
    useAll: random() < 0.2,
    order: random() < 0.2 ? 'given' : 'any',
    ...(random() < 0.5 ? randomLinks(random, boards) : {}),
    ...(random() < 0.1 ? { first: boards[0]!.id } : {}),
  };
}

function cutsOf(blocks: readonly BlockCost[], each: number, perByte: number): readonly number[] {
  return [0, ...blocks.slice(1).map((_, cut) => each + blocks[cut]!.outputBytes * perByte), 0];
}

function randomLinks(random: () => number, boards: readonly PlannerBoard[]) {
  const draw = (): LinkModel => ({
    bytesPerSecond: 1e7 * 10 ** (2 * random()),
    ...(random() < 0.5 && { senderBytesPerSecond: 1e7 * 10 ** (2 * random()) }),
    latencySeconds: 0.002 * random(),
    bytesRatio: random() < 0.3 ? 0.25 : 1,
    codecSecondsPerByte: random() < 0.3 ? 1e-9 : 0,
  });
  if (random() < 0.4) return { links: uniformLinks(draw()) };
  const table = new Map(boards.flatMap(({ id: from }) => boards.map(({ id: to }) => [`${from}>${to}`, draw()])));
  return { links: { between: (from: string, to: string) => table.get(`${from}>${to}`)! } };
}
