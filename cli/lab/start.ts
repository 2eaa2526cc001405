import type { Log } from '../../broker/index.ts';
import { type Lab, startPassingLab } from '../processes/lab.ts';
import { enterGroup, groupUse } from './cgroup/index.ts';
import type { LabBoard } from './description.ts';
import { recordProcess } from './directory.ts';
import { type DutyCycle, startDutyCycle } from './duty/index.ts';
import type { Inside } from './inside.ts';
import { namespacePath } from './network/index.ts';
import type { BoardUse } from './use.ts';

/** A lab of unequal boards. */
export interface ScenarioLab extends Lab {
  /** What the boards have used since they were started. */
  uses(): Promise<readonly BoardUse[]>;
}

/** Starts a hub and the boards of the lab that this process is inside of, each held to what it may use. */
export async function startScenarioLab(
  { path, description }: Inside,
  log: Log,
  verbose: boolean,
): Promise<ScenarioLab> {
  const { boards, hubAddress } = description;
  const places = boards.map(({ id, address, threads, memoryBytes, namespace }) => ({
    id,
    address,
    threads,
    ...(memoryBytes === undefined ? {} : { memoryBytes }),
    ...(namespace === undefined ? {} : { namespacePath: namespacePath(namespace) }),
  }));
  const lab = await startPassingLab({ places, hubAddress, directory: path, log, verbose });
  const startedAt = performance.now();
  const pids = new Map(lab.boards.map(({ id, pid }) => [id, pid]));
  const inCycle = boards.filter(({ quota, group }) => quota !== undefined && group?.cpu === undefined);
  let duty: DutyCycle | undefined;
  const close = async () => {
    // First, so that boards end at full speed, and none stays stopped.
    await duty?.close();
    await lab.close();
  };
  try {
    for (const { id, group } of boards) if (group !== undefined) enterGroup(group, pids.get(id)!);
    for (const pid of pids.values()) await recordProcess(path, pid);
    if (inCycle.length > 0) duty = startDutyCycle();
    for (const { id, quota } of inCycle) duty!.hold(pids.get(id)!, quota!);
  } catch (error) {
    await close();
    throw error;
  }
  return { ...lab, close, uses };

  async function uses(): Promise<readonly BoardUse[]> {
    const seconds = (performance.now() - startedAt) / 1000;
    const cycled = new Map((await duty?.uses())?.map((use) => [use.pid, use]));
    const held = boards.filter((board): board is LabBoard & { quota: number } => board.quota !== undefined);
    const found = await Promise.all(
      held.map(async ({ id, quota, group }): Promise<readonly BoardUse[]> => {
        const use = group?.cpu === undefined ? cycled.get(pids.get(id)!) : await groupUse(group);
        if (use === undefined) return [];
        const { cpuSeconds, throttledShare } = use;
        return [{ board: id, quota, usedShare: cpuSeconds / seconds, throttledShare }];
      }),
    );
    return found.flat();
  }
}
