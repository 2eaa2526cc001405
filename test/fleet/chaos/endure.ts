import { rm } from 'node:fs/promises';
import type { ExecutionContext } from 'ava';
import { assertSameTrace } from '../undisturbed.ts';
import type { Campaign } from './campaign.ts';
import { type Fault, faults } from './faults.ts';
import { remainingIn } from './processes.ts';

export interface Trial {
  /** The commands of runs, one after the other and again, without fleet and directory. */
  readonly commands: readonly (readonly string[])[];
  /** The losses of that run where nobody disturbs it. */
  readonly undisturbed: readonly number[];
  /** The faults to come, by name; those that have come are taken from it. */
  readonly ahead: string[];
  /** From then on no fault comes any more. */
  readonly isEnough?: () => boolean;
  /** Told of each fault that was survived, with the seconds from its end to the next step. */
  readonly say: (fault: string, seconds: number) => void;
}

/**
 * Faults on one run after the other, until there are none ahead. Each run has the losses of the undisturbed one, and no
 * process is left of it. @returns how many faults that were
 */
export async function endure(t: ExecutionContext, campaign: Campaign, trial: Trial): Promise<number> {
  const processes = campaign.fleet.boards.length + 1;
  let done = 0;
  for (let round = 0; isMoreToCome(trial); round += 1) {
    campaign.begin(`out${round}`, trial.commands[round % trial.commands.length]!);
    done += await disturb(campaign, trial);
    assertSameTrace(t, await campaign.losses(), trial.undisturbed);
    await rm(campaign.directory, { recursive: true });
    t.is(
      (await remainingIn(campaign.cwd, processes)).length,
      processes,
      'the hub, the boards and nobody else are left',
    );
  }
  return done;
}

const isMoreToCome = ({ ahead, isEnough }: Trial): boolean => ahead.length > 0 && !(isEnough?.() ?? false);

/** The next faults, on the run that has just begun, as long as it goes on. @returns how many */
async function disturb(campaign: Campaign, trial: Trial): Promise<number> {
  let done = 0;
  for (; isMoreToCome(trial) && !(done > 0 && (await campaign.isOver())); done += 1) {
    const name = trial.ahead[0]!;
    const isEarly = faults[name]!.moment === 'survey';
    // It comes at the beginning of the next run.
    if (isEarly && done > 0) break;
    if (!isEarly && done === 0) await campaign.untilSaid(/samples\/s/, 0, 120);
    if (!isEarly) await campaign.seconds(0.5, 3);
    trial.ahead.shift();
    trial.say(name, await suffer(campaign, faults[name]!));
  }
  return done;
}

/** Injects a fault, heals it, and waits for the next step. @returns seconds from its healing to that step */
async function suffer(campaign: Campaign, { inject, lasts: [least, most] }: Fault): Promise<number> {
  const heal = await inject(campaign);
  await campaign.seconds(least, most);
  await heal();
  return campaign.untilProgress();
}
