import { rm } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
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
  /** Told of each run and of each fault before it comes. */
  readonly begins: (what: string) => void;
  /** Told of each fault that was survived, with the seconds from its end to the next step, and of which run that was. */
  readonly say: (fault: string, seconds: number, run: number) => void;
}

/**
 * Faults on one run after the other, until there are none ahead. Each run has the losses of the undisturbed one, and no
 * process is left of it. @returns how many faults that were
 */
export async function endure(t: ExecutionContext, campaign: Campaign, trial: Trial): Promise<number> {
  const standing = campaign.fleet.boards.length + 1;
  let done = 0;
  for (let round = 0; isMoreToCome(trial); round += 1) {
    trial.begins(`run ${round + 1}`);
    campaign.begin(`out${round}`, trial.commands[round % trial.commands.length]!);
    done += await disturb(t, campaign, trial, round);
    assertSameTrace(t, await campaign.losses(), trial.undisturbed);
    await rm(campaign.directory, { recursive: true });
    await assertNoMore(t, campaign, standing, 'the hub, the boards and nobody else are left');
  }
  return done;
}

const isMoreToCome = ({ ahead, isEnough }: Trial): boolean => ahead.length > 0 && !(isEnough?.() ?? false);

async function assertNoMore(t: ExecutionContext, { cwd }: Campaign, most: number, words: string): Promise<void> {
  const { length } = await remainingIn(cwd, most);
  t.true(length <= most, `${words}: ${most} processes, not ${length}`);
}

const isEarly = (name: string): boolean => faults[name]!.moment === 'survey';

/** Takes the next fault for this moment: those of a run's beginning come then, and only then. Undefined where there is none. */
function takeNext(ahead: string[], isBeginning: boolean): string | undefined {
  const early = isBeginning ? ahead.findIndex(isEarly) : -1;
  const at = early >= 0 ? early : ahead.findIndex((name) => !isEarly(name));
  return at < 0 ? undefined : ahead.splice(at, 1)[0];
}

/** The next faults, on the run that has just begun, as long as it goes on. @returns how many */
async function disturb(t: ExecutionContext, campaign: Campaign, trial: Trial, run: number): Promise<number> {
  const standing = campaign.fleet.boards.length + 2;
  let done = 0;
  for (; isMoreToCome(trial) && !(done > 0 && (await campaign.isOver())); done += 1) {
    const name = takeNext(trial.ahead, done === 0);
    if (name === undefined) break;
    // Boards measure themselves for some seconds first, and the stages of each plan that comes of it.
    if (!isEarly(name) && done === 0) await campaign.untilSaid(/samples\/s/, 0, 2 * campaign.hangSeconds);
    if (!isEarly(name)) await campaign.seconds(0.5, 3);
    trial.begins(name);
    trial.say(name, await suffer(campaign, faults[name]!), run);
    await assertNoMore(t, campaign, standing, 'the hub, the boards, the run and nobody else are there');
  }
  return done;
}

/** Injecting, healing and the next step may take so much longer than the fault lasts: each wait in it is shorter. */
const LONGEST_SECONDS = 120;

/**
 * Injects a fault, heals it, and waits for the next step. @returns seconds from its healing to that step
 * @throws what all have said where that takes too long
 */
async function suffer(campaign: Campaign, { inject, lasts: [least, most] }: Fault): Promise<number> {
  const late = new AbortController();
  const survived = async (): Promise<number> => {
    const heal = await inject(campaign);
    await campaign.seconds(least, most);
    await heal();
    return campaign.untilProgress();
  };
  const seconds = LONGEST_SECONDS + most;
  const tooLong = wait(1000 * seconds, undefined, { signal: late.signal }).then(async () => {
    throw new Error(`it was not over after ${seconds} s:\n${await campaign.words()}`);
  });
  try {
    return await Promise.race([survived(), tooLong]);
  } finally {
    tooLong.catch(() => {});
    late.abort();
  }
}
