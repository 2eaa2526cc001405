/** Faults of every kind on real processes: the losses stay those of a run that nobody disturbs. `make chaos` is the long form. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { randomFrom } from '../random.ts';
import { Campaign } from './chaos/campaign.ts';
import { type Fault, faults } from './chaos/faults.ts';
import { prepareGround } from './chaos/ground.ts';
import { killIn, remainingIn } from './chaos/processes.ts';
import { startFleet } from './fleet.ts';
import { inTemporaryDirectory, lossesOf } from './helpers.ts';
import { assertSameTrace } from './undisturbed.ts';

/** `FLOTILLA_CHAOS=200` does so many faults, `FLOTILLA_SEED` others than seed 1: `make chaos`. */
const count = Number(process.env.FLOTILLA_CHAOS ?? 0);
const seed = Number(process.env.FLOTILLA_SEED ?? 1);
/** Only kinds whose name holds this pattern: `FLOTILLA_CHAOS_ONLY='stands still'`. */
const only = new RegExp(process.env.FLOTILLA_CHAOS_ONLY ?? '');
const isLong = count > 0;
const boards = 4;
const steps = isLong ? 1500 : 500;
const patience = isLong ? 6 * 3_600_000 : 240_000;
const words =
  'train --model mlp --batch 16 --micro-batches 2 --train-limit 400 --test-limit 20 --lr 0.01 --checkpoint-every 50';
const settings = [...words.split(' '), '--steps', `${steps}`];
/** All boards take part, so that each fault meets one that does. */
const placed = [...settings, '--boards', 'board1,board2,board3,board4', '--survey', '5'];
/** The short form: one of each family, on one run. */
const few = [
  'a board is killed while boards measure themselves',
  'two boards are killed at once',
  "the hub and the run's process are killed",
  'nobody hears a board',
  'the disk of the hub is full',
  'a board reaches its memory limit',
];

/** The faults of one run after the other: every kind once, in an order drawn by seed, and then again. */
function drawn(random: () => number, possible: readonly string[]): string[] {
  if (!isLong) return few.filter((name) => possible.includes(name));
  const rounds = Array.from({ length: Math.ceil(count / possible.length) }, () => shuffled(random, possible));
  return rounds.flat().slice(0, count);
}

function shuffled(random: () => number, names: readonly string[]): readonly string[] {
  const withPlaces = names.map((name) => ({ name, at: random() }));
  return withPlaces.sort((a, b) => a.at - b.at).map(({ name }) => name);
}

/** Injects a fault, heals it, and waits for the next step. @returns seconds from its healing to that step */
async function suffer(campaign: Campaign, { inject, lasts: [least, most] }: Fault): Promise<number> {
  const heal = await inject(campaign);
  await campaign.seconds(least, most);
  await heal();
  return campaign.untilProgress();
}

/** Whoever waits for hours wants to see how far it is. */
const say = (t: ExecutionContext, line: string) => (isLong ? console.log(new Date().toISOString(), line) : t.log(line));

async function endure(t: ExecutionContext, campaign: Campaign, undisturbed: readonly number[]): Promise<number> {
  const possible = Object.keys(faults).filter(
    (name) => only.test(name) && !campaign.ground.missing.has(faults[name]!.needs!),
  );
  const ahead = drawn(campaign.random, possible);
  let done = 0;
  for (let round = 0; ahead.length > 0; round += 1) {
    campaign.begin(`out${round}`, placed);
    const passed: string[] = [];
    while (ahead.length > 0 && !(passed.length > 0 && (await campaign.isOver()))) {
      const name = ahead[0]!;
      const isEarly = faults[name]!.moment === 'survey';
      // It comes at the beginning of the next run.
      if (isEarly && passed.length > 0) break;
      if (!isEarly && passed.length === 0) await campaign.untilSaid(/samples\/s/, 0, 120);
      if (!isEarly) await campaign.seconds(0.5, 3);
      ahead.shift();
      const seconds = await suffer(campaign, faults[name]!);
      passed.push(name);
      say(t, `${name}: the next step ${seconds.toFixed(1)} s after it`);
    }
    assertSameTrace(t, await campaign.losses(), undisturbed);
    done += passed.length;
    await rm(campaign.directory, { recursive: true });
    t.is(
      (await remainingIn(campaign.cwd, boards + 1)).length,
      boards + 1,
      'the hub, the boards and nobody else are left',
    );
  }
  return done;
}

test.serial(`after faults at random (seed ${seed}) every run has the losses of an undisturbed one`, async (t) => {
  t.timeout(patience);
  await inTemporaryDirectory(async (cwd) => {
    const ground = await prepareGround(cwd, boards);
    for (const why of ground.missing.values()) t.log(why);
    const fleet = await startFleet(cwd, boards, patience, ground.places);
    try {
      const quiet = await fleet.start(...settings, '--boards', '1', '--out', 'quiet').ended;
      t.is(quiet.code, 0, quiet.stderr);
      const campaign = new Campaign(cwd, fleet, ground, randomFrom(seed));
      await campaign.start();
      const done = await endure(t, campaign, await lossesOf(join(cwd, 'quiet')));
      t.log(`${done} faults, ${done} passed`);
    } finally {
      await fleet.close();
      await killIn(cwd);
      await ground.remove();
    }
    t.deepEqual(await remainingIn(cwd, 0), []);
  });
});
