import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import { join } from 'node:path';
import type { InterruptedError, Interrupts } from '../interrupts.ts';
import { type LabDirectory, makeLabDirectory, recordProcess } from './directory.ts';
import { type Ground, makeGround } from './ground.ts';
import { LAB_VARIABLE } from './inside.ts';
import { namespacePath } from './network/index.ts';
import { removeLab } from './remove.ts';
import type { Scenario } from './scenario/index.ts';

export interface KeeperNeeds {
  /** The command line to run inside the lab, without the program. */
  readonly commandLine: readonly string[];
  readonly interrupts: Interrupts;
  readonly say: (line: string) => void;
  readonly loopbackAddress: (index: number) => string;
}

/**
 * Makes a lab, runs the same command again inside it, and removes the lab: whatever happens to that command, also when
 * it crashes. This process stays outside and does nothing else, since the hub has to be where it reaches the boards.
 * @returns the command's exit code
 */
export async function keepLab(scenario: Scenario, needs: KeeperNeeds): Promise<number> {
  const { interrupts, say, loopbackAddress } = needs;
  const directory = await makeLabDirectory();
  let ground: Ground | undefined;
  try {
    ground = await makeGround(scenario, { directory, loopbackAddress, signal: interrupts.gentle });
    for (const line of ground.words) say(line);
    interrupts.gentle.throwIfAborted();
    return await runInside(directory, ground, needs);
  } finally {
    await ground?.network?.relay?.stop();
    await removeLab(directory);
  }
}

async function runInside(directory: LabDirectory, { description, network }: Ground, needs: KeeperNeeds) {
  const { hubNamespace } = description;
  const enter = hubNamespace === undefined ? [] : ['nsenter', `--net=${namespacePath(hubNamespace)}`];
  const program = join(import.meta.dirname, '..', 'flotilla.js');
  const [command, ...args] = [...enter, process.execPath, program, ...needs.commandLine];
  const child = spawn(command!, args, {
    // The fourth is there to be closed: by it the command learns that this process is gone.
    stdio: ['inherit', 'inherit', 'inherit', 'pipe'],
    env: { ...process.env, [LAB_VARIABLE]: directory.path },
  });
  const ended = exitOf(child);
  const { gentle, urgent } = needs.interrupts;
  // The same signal, and so the same exit code.
  const pass = () => void child.kill((gentle.reason as InterruptedError).exitCode - 128);
  for (const signal of [gentle, urgent]) signal.addEventListener('abort', pass, { once: true });
  try {
    if (gentle.aborted) pass();
    if (child.pid !== undefined) await recordProcess(directory.path, child.pid);
    return await (network?.relay === undefined ? ended : Promise.race([ended, network.relay.died]));
  } finally {
    for (const signal of [gentle, urgent]) signal.removeEventListener('abort', pass);
  }
}

function exitOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(code ?? 128 + constants.signals[signal!]));
  });
}
