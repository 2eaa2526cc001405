import { stat } from 'node:fs/promises';
import type { RunHistory } from './entries.ts';
import { isHeld } from './hold.ts';
import { readRunLog } from './log.ts';
import type { Register } from './register.ts';

type Entry = { readonly run: string; readonly directory: string };
/** It has a process, or has lost it. */
type Unfinished = Entry & { readonly state: 'at-work' | 'left'; readonly history: RunHistory };

/** A run of the register, as its directory and its process say. */
export type FoundRun =
  | Unfinished
  | (Entry & { readonly state: 'ended' })
  | (Entry & { readonly state: 'unreadable'; readonly problem: string });

export async function findRuns(register: Register): Promise<readonly FoundRun[]> {
  return Promise.all((await register.list()).map(findRun));
}

async function findRun(entry: Entry): Promise<FoundRun> {
  const { run, directory } = entry;
  const unreadable = (problem: string) => ({ ...entry, state: 'unreadable', problem }) as const;
  try {
    if ((await stat(directory).catch(() => undefined)) === undefined) return unreadable(`'${directory}' is gone`);
    // Asked before the log is read: a process that ends meanwhile has written its end by then.
    const held = await isHeld(directory);
    const history = await readRunLog(directory);
    if (history === undefined) return unreadable(`'${directory}' has no log of a run`);
    if (history.run !== run) return unreadable(`'${directory}' holds run ${history.run} by now`);
    if (held) return { ...entry, state: 'at-work', history };
    return history.ended === undefined ? { ...entry, state: 'left', history } : { ...entry, state: 'ended' };
  } catch (error) {
    return unreadable((error as Error).message);
  }
}

/** What is to be done about the runs that were found. */
export interface Choice {
  readonly start: readonly Unfinished[];
  /** Why the others that have no process are left alone, in words, by run. */
  readonly refused: ReadonlyMap<string, string>;
}

/** Runs that are to go on: those that were left and whose boards no other run wants. */
export function chooseRuns(found: readonly FoundRun[]): Choice {
  const wanting = found.filter(isUnfinished);
  const refused = new Map<string, string>();
  for (const each of found) if (each.state === 'unreadable') refused.set(each.run, each.problem);
  const start = wanting.filter((each) => {
    if (each.state !== 'left') return false;
    const problem = conflictOf(each, wanting);
    if (problem !== undefined) refused.set(each.run, problem);
    return problem === undefined;
  });
  return { start, refused };
}

const isUnfinished = (run: FoundRun): run is Unfinished => run.state === 'left' || run.state === 'at-work';

function conflictOf(own: Unfinished, all: readonly Unfinished[]): string | undefined {
  for (const other of all) {
    const board = own.history.boards.find((id) => other.run !== own.run && other.history.boards.includes(id));
    if (board !== undefined) return `run ${other.run} ('${other.directory}') wants ${board} too`;
  }
  return undefined;
}
