import { Socket } from 'node:net';
import type { LabDescription } from './description.ts';
import { readDescription } from './directory.ts';

/** Tells a command that it runs inside a lab, and where that is written down. */
const LAB_VARIABLE = 'FLOTILLA_LAB';
/** The descriptor that the keeper holds the other end of. */
const KEEPER_DESCRIPTOR = 3;

export interface Inside {
  /** The lab's directory: private, and gone with the lab. */
  readonly path: string;
  readonly description: LabDescription;
}

/** The environment of a command that is started inside the lab of this directory. */
export function insideOf(path: string): NodeJS.ProcessEnv {
  return { ...process.env, [LAB_VARIABLE]: path };
}

/** The lab that this process was started in; undefined where it was not. */
export async function insideLab(environment = process.env): Promise<Inside | undefined> {
  const path = environment[LAB_VARIABLE];
  const description = path === undefined ? undefined : await readDescription(path);
  return path === undefined || description === undefined ? undefined : { path, description };
}

/** Ends this process in order, as Ctrl-C would, when its keeper is gone. */
export function endWithKeeper(): void {
  const keeper = new Socket({ fd: KEEPER_DESCRIPTOR });
  keeper.on('error', () => {}).on('close', () => process.kill(process.pid, 'SIGTERM'));
  keeper.resume().unref();
}
