import { mkdir, readdir, readFile, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import type { LabDescription } from './description.ts';
import { identityOf, isAlive, type ProcessIdentity } from './processes.ts';

/**
 * A lab is named after the process that keeps it: `PID-STARTTICKS`. So anybody can tell whether a lab is still kept, and
 * a number that is given to another process does not bring a dead lab to life.
 */
export interface LabDirectory {
  readonly id: string;
  readonly path: string;
  readonly keeper: ProcessIdentity;
}

const DESCRIPTION = 'lab.json';
const PROCESSES = 'processes';

/** Where this user's labs are written down. It is empty after a restart of the machine, as are namespaces and groups. */
export function labsRoot(): string {
  const { uid } = userInfo();
  return uid === 0 ? '/run/flotilla-labs' : join(tmpdir(), `flotilla-labs-${uid}`);
}

/** A directory for the lab that this process is about to keep; only the user may look into it, for it will hold keys. */
export async function makeLabDirectory(root = labsRoot()): Promise<LabDirectory> {
  const keeper = (await identityOf(process.pid))!;
  const directory = directoryOf(root, keeper);
  await mkdir(join(directory.path, PROCESSES), { recursive: true, mode: 0o700 });
  return directory;
}

export async function listLabs(root = labsRoot()): Promise<readonly LabDirectory[]> {
  const names = await readdir(root).catch(() => []);
  return names.flatMap((name) => {
    const [, pid, startTicks] = /^(\d+)-(\d+)$/.exec(name) ?? [];
    return pid === undefined ? [] : [directoryOf(root, { pid: Number(pid), startTicks: Number(startTicks) })];
  });
}

function directoryOf(root: string, keeper: ProcessIdentity): LabDirectory {
  const id = `${keeper.pid}-${keeper.startTicks}`;
  return { id, path: join(root, id), keeper };
}

export const isKept = ({ keeper }: LabDirectory): Promise<boolean> => isAlive(keeper);

export async function writeDescription(path: string, description: LabDescription): Promise<void> {
  const file = join(path, DESCRIPTION);
  await writeFile(`${file}.tmp`, JSON.stringify(description));
  await rename(`${file}.tmp`, file);
}

/** Undefined where the lab was ended before anything was made. */
export async function readDescription(path: string): Promise<LabDescription | undefined> {
  const text = await readFile(join(path, DESCRIPTION), 'utf8').catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as LabDescription);
}

/** Writes down a process that has to end with the lab. */
export async function recordProcess(path: string, pid: number): Promise<void> {
  const identity = await identityOf(pid);
  if (identity === undefined) return;
  await writeFile(join(path, PROCESSES, `${identity.pid}-${identity.startTicks}`), '');
}

export async function recordedProcesses(path: string): Promise<readonly ProcessIdentity[]> {
  const names = await readdir(join(path, PROCESSES)).catch(() => []);
  return names.map((name) => {
    const [pid, startTicks] = name.split('-').map(Number);
    return { pid: pid!, startTicks: startTicks! };
  });
}

export async function removeLabDirectory({ path }: LabDirectory): Promise<void> {
  await rm(path, { recursive: true, force: true });
  // The last one to go takes the root along.
  await rmdir(dirname(path)).catch(() => {});
}
