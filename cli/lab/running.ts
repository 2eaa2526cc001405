import { isKept, listLabs, readDescription } from './directory.ts';

/** A lab of a scenario that stands. */
export interface RunningLab {
  /** Its directory, with the fleet file and the keys. */
  readonly path: string;
  /** Where its hub lives, where the lab has a network of its own. */
  readonly hubNamespace: string | undefined;
}

/** This user's labs whose keeper lives. */
export async function runningScenarios(root?: string): Promise<readonly RunningLab[]> {
  const found = await Promise.all(
    (await listLabs(root)).map(async (lab) => {
      const description = (await isKept(lab)) ? await readDescription(lab.path) : undefined;
      return description === undefined ? [] : [{ path: lab.path, hubNamespace: description.hubNamespace }];
    }),
  );
  return found.flat();
}
