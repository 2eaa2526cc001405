import { changeQuota, enterGroup, groupUse } from './cgroup/index.ts';
import type { LabBoard } from './description.ts';
import type { DutyCycle } from './duty/index.ts';
import type { BoardUse } from './use.ts';

/** Holds one board to its share of a core. */
export interface BoardHolder {
  readonly id: string;
  /** From now on; a second time changes nothing. */
  hold(): void;
  /** Gives it another share, from when it is held. */
  change(quota: number): Promise<void>;
  /** What the board has used since it is held; nothing before. */
  use(): Promise<readonly BoardUse[]>;
}

/** Whether a board's share is kept by stopping and continuing it, for want of a control group. */
export function isInCycle({ quota, group }: LabBoard): boolean {
  return quota !== undefined && group?.cpu === undefined;
}

/** @param duty for boards that `isInCycle` */
export function createHolder(
  board: LabBoard & { readonly quota: number },
  pid: number,
  duty: DutyCycle | undefined,
): BoardHolder {
  const { id, group } = board;
  let { quota } = board;
  let since: number | undefined;
  return {
    id,
    hold() {
      if (since !== undefined) return;
      since = performance.now();
      if (isInCycle(board)) duty?.hold(pid, quota);
      else if (group !== undefined) enterGroup(group, pid);
    },
    async change(next) {
      quota = next;
      if (!isInCycle(board)) await changeQuota(group!, quota);
      else if (since !== undefined) duty?.hold(pid, quota);
    },
    async use() {
      if (since === undefined) return [];
      const seconds = (performance.now() - since) / 1000;
      const used = isInCycle(board)
        ? (await duty?.uses())?.find((each) => each.pid === pid)
        : group === undefined
          ? undefined
          : await groupUse(group);
      if (used === undefined) return [];
      const { cpuSeconds, throttledShare } = used;
      return [{ board: id, quota, usedShare: cpuSeconds / seconds, throttledShare }];
    },
  };
}
