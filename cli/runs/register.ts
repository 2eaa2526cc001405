import { mkdir, readdir, readlink, rename, rm, symlink } from 'node:fs/promises';
import { join, resolve } from 'node:path';

/** Runs of a fleet that have begun and not ended: `FLEETS/NAME.runs/RUN`, each a link to the run's directory. */
export interface Register {
  readonly path: string;
  enter(run: string, directory: string): Promise<void>;
  leave(run: string): Promise<void>;
  list(): Promise<readonly { readonly run: string; readonly directory: string }[]>;
}

export function registerOf(fleets: string, fleet: string): Register {
  const path = join(resolve(fleets), `${fleet}.runs`);
  return {
    path,
    async enter(run, directory) {
      await mkdir(path, { recursive: true });
      const passing = join(path, `.${run}.${process.pid}`);
      await rm(passing, { force: true });
      await symlink(resolve(directory), passing);
      await rename(passing, join(path, run));
    },
    leave: (run) => rm(join(path, run), { force: true }),
    async list() {
      const names = await readdir(path).catch(() => []);
      const runs = names.filter((name) => !name.startsWith('.')).sort();
      const found = await Promise.all(
        runs.map(async (run) => {
          const directory = await readlink(join(path, run)).catch(() => undefined);
          return directory === undefined ? [] : [{ run, directory }];
        }),
      );
      return found.flat();
    },
  };
}
