import type { Log } from '../../broker/index.ts';
import { type BoardPlace, type Lab, startPassingLab } from '../processes/lab.ts';
import { enterGroup } from './cgroup/index.ts';
import type { LabBoard } from './description.ts';
import { recordProcess } from './directory.ts';
import { startDutyCycle } from './duty/index.ts';
import { type BoardHolder, createHolder, isInCycle } from './holder.ts';
import type { Inside } from './inside.ts';
import { namespacePath } from './network/index.ts';
import type { BoardUse } from './use.ts';

/** A lab of unequal boards. */
export interface ScenarioLab extends Lab {
  /** What the boards have used since they were online; none of those that are not. */
  uses(): Promise<readonly BoardUse[]>;
}

/**
 * Starts a hub and the boards of the lab that this process is inside of. A board's memory is limited from its first
 * moment, its share of a core from when it is online: at a tenth of a core it would load its program for half a minute,
 * which nobody wants to see.
 */
export async function startScenarioLab(
  { path, description }: Inside,
  log: Log,
  verbose: boolean,
  dataBroker?: string,
): Promise<ScenarioLab> {
  const { boards, hubAddress } = description;
  const lab = await startPassingLab({
    places: boards.map(placeOf),
    hubAddress,
    directory: path,
    dataBroker,
    log,
    verbose,
  });
  const pids = new Map(lab.boards.map(({ id, pid }) => [id, pid]));
  const holders: BoardHolder[] = [];
  const inCycle = boards.some(isInCycle);
  const duty = inCycle ? startDutyCycle() : undefined;
  const close = async () => {
    // First, so that boards end at full speed, and none stays stopped.
    await duty?.close();
    await lab.close();
  };
  try {
    for (const board of boards) {
      const pid = pids.get(board.id)!;
      if (board.group?.memory !== undefined) enterGroup({ memory: board.group.memory }, pid);
      await recordProcess(path, pid);
      if (board.quota !== undefined) holders.push(createHolder({ ...board, quota: board.quota }, pid, duty));
    }
    await lab.hub.messenger.subscribe('deviceState', { id: '+' }, ({ message }) => {
      if (message.kind === 'online') holders.find(({ id }) => id === message.board)?.hold();
    });
  } catch (error) {
    await close();
    throw error;
  }
  return { ...lab, close, uses: async () => (await Promise.all(holders.map((holder) => holder.use()))).flat() };
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
