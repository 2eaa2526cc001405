import type { Log } from '../../broker/index.ts';
import type { BoardProcess } from '../processes/board-process.ts';
import { type BoardPlace, type Lab, startPassingLab } from '../processes/lab.ts';
import { enterGroup } from './cgroup/index.ts';
import type { LabBoard } from './description.ts';
import { recordProcess } from './directory.ts';
import { startDutyCycle } from './duty/index.ts';
import { type BoardHolder, createHolder, isInCycle } from './holder.ts';
import type { Inside } from './inside.ts';
import { namespacePath } from './network/index.ts';
import { signal } from './processes.ts';
import { lateBoards } from './scenario/index.ts';
import { tellStory } from './story.ts';
import type { BoardUse } from './use.ts';

/** A lab of unequal boards. */
export interface ScenarioLab extends Lab {
  /** So many steps of the run are done: what the scenario has happen then, happens. */
  stepDone(steps: number): void;
  /** What the boards have used since they were online; none of those that are not. */
  uses(): Promise<readonly BoardUse[]>;
}

export interface ScenarioLabOptions {
  readonly log: Log;
  readonly verbose: boolean;
  readonly dataBroker?: string | undefined;
  /** What happens to boards, in words. */
  readonly say: (line: string) => void;
}

/**
 * Starts a hub and the boards of the lab that this process is inside of. A board's memory is limited from its first
 * moment, its share of a core from when it is online: at a tenth of a core it would load its program for half a minute,
 * which nobody wants to see.
 */
export async function startScenarioLab(
  { path, description }: Inside,
  options: ScenarioLabOptions,
): Promise<ScenarioLab> {
  const { boards, hubAddress, events } = description;
  const { log, verbose, dataBroker, say } = options;
  const places = boards.map(placeOf);
  const common = { hubAddress, directory: path, dataBroker, log, verbose };
  const lab = await startPassingLab({ places, late: lateBoards(description), ...common });
  const holders = new Map<string, BoardHolder>();
  const pids = new Map<string, number>();
  const duty = boards.some(isInCycle) ? startDutyCycle() : undefined;
  const attend = async ({ id, pid }: BoardProcess) => {
    const board = boards.find((each) => each.id === id)!;
    pids.set(id, pid);
    if (board.group?.memory !== undefined) enterGroup({ memory: board.group.memory }, pid);
    await recordProcess(path, pid);
    if (board.quota !== undefined) holders.set(id, createHolder({ ...board, quota: board.quota }, pid, duty));
  };
  const story = tellStory(events, {
    start: (id) => attend(lab.start(id)),
    kill: (id) => signal(pids.get(id)!, 'SIGKILL'),
    setQuota: async (id, quota) => holders.get(id)?.change(quota),
    say,
  });
  const close = async () => {
    story.close();
    // First, so that boards end at full speed, and none stays stopped.
    await duty?.close();
    await lab.close();
  };
  try {
    for (const board of lab.boards) await attend(board);
    await lab.hub.messenger.subscribe('deviceState', { id: '+' }, ({ message }) => {
      if (message.kind === 'online') holders.get(message.board)?.hold();
    });
  } catch (error) {
    await close();
    throw error;
  }
  const doomed = new Set(events.filter(({ event }) => event === 'dies').map(({ board }) => board));
  return {
    ...lab,
    // The end of the others is an accident.
    boards: lab.boards.filter(({ id }) => !doomed.has(id)),
    close,
    stepDone: story.stepDone,
    uses: async () => (await Promise.all([...holders.values()].map((holder) => holder.use()))).flat(),
  };
}

function placeOf({ id, address, threads, memoryBytes, namespace }: LabBoard): BoardPlace {
  return {
    id,
    address,
    threads,
    ...(memoryBytes === undefined ? {} : { memoryBytes }),
    ...(namespace === undefined ? {} : { namespacePath: namespacePath(namespace) }),
  };
}
