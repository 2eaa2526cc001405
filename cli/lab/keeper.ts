import type { Interrupts } from '../interrupts.ts';
import { startAgain } from './again.ts';
import { type LabDirectory, makeLabDirectory, recordProcess } from './directory.ts';
import { type Ground, makeGround } from './ground.ts';
import { insideOf } from './inside.ts';
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
  const { commandLine, interrupts } = needs;
  const again = startAgain(commandLine, {
    namespace: description.hubNamespace,
    // By its fourth descriptor the command learns that this process is gone.
    isKept: true,
    env: insideOf(directory.path),
    interrupts,
  });
  try {
    if (again.pid !== undefined) await recordProcess(directory.path, again.pid);
    return await (network?.relay === undefined ? again.ended : Promise.race([again.ended, network.relay.died]));
  } finally {
    again.letGo();
  }
}
