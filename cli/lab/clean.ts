import { isKept, listLabs } from './directory.ts';
import { type Removed, removeLab } from './remove.ts';

export interface Cleaned {
  readonly removed: readonly ({ readonly lab: string } & Removed)[];
  /** Labs that somebody keeps. */
  readonly running: readonly string[];
}

/** Removes what labs have left whose keeper is gone, and leaves the others alone. */
export async function cleanLabs(root?: string): Promise<Cleaned> {
  const removed: Cleaned['removed'][number][] = [];
  const running: string[] = [];
  for (const lab of await listLabs(root)) {
    if (await isKept(lab)) running.push(lab.id);
    else removed.push({ lab: lab.id, ...(await removeLab(lab)) });
  }
  return { removed, running };
}
