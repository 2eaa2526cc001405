import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { randomFrom } from '../../random.ts';
import { startFleet } from '../fleet.ts';
import { lossesOf } from '../helpers.ts';
import { Campaign } from './campaign.ts';
import { prepareGround } from './ground.ts';
import { withJanitor } from './janitor.ts';

export const BOARDS = 4;
const training =
  'train --model mlp --batch 16 --micro-batches 2 --train-limit 400 --test-limit 20 --lr 0.01 --checkpoint-every 50';

export interface Scene {
  readonly campaign: Campaign;
  /**
   * Of runs on the fleet: one that changes its plan where it sees fit, and one whose split is given, so that every board
   * that is there has a part.
   */
  readonly commands: readonly (readonly string[])[];
  /** Its losses where nobody disturbs it. */
  readonly undisturbed: readonly number[];
}

export interface SceneOptions {
  readonly seed: number;
  /** Of a run. */
  readonly steps: number;
  /** For everything together, in milliseconds. */
  readonly patience: number;
}

/** A hub and four boards on a ground that faults get at, as long as `use` takes; nothing is left of them after it. */
export async function inChaos(
  t: ExecutionContext,
  { seed, steps, patience }: SceneOptions,
  use: (scene: Scene) => Promise<void>,
): Promise<void> {
  const settings = [...training.split(' '), '--steps', `${steps}`];
  await withJanitor(async (cwd) => {
    const ground = await prepareGround(cwd, BOARDS);
    for (const why of ground.missing.values()) t.log(why);
    const fleet = await startFleet(cwd, BOARDS, patience, ground.places);
    const campaign = new Campaign(cwd, fleet, ground, randomFrom(seed));
    try {
      const quiet = await fleet.start(...settings, '--boards', '1', '--out', 'quiet').ended;
      t.is(quiet.code, 0, quiet.stderr);
      await campaign.start();
      const words = [...settings, '--boards', fleet.boards.join(), '--survey', '5'];
      const commands = [words, [...words, '--split', '0,1,2,3']];
      await use({ campaign, commands, undisturbed: await lossesOf(join(cwd, 'quiet')) });
    } finally {
      await campaign.close();
      await fleet.close();
      await ground.relay?.stop();
    }
  });
}
