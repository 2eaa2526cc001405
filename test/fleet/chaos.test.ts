/** Faults of every kind on real processes: the losses stay those of a run that nobody disturbs. `make chaos` is the long form. */
import test from 'ava';
import { endure } from './chaos/endure.ts';
import { faults } from './chaos/faults.ts';
import { Journal } from './chaos/journal.ts';
import { drawn } from './chaos/order.ts';
import { inChaos } from './chaos/scene.ts';

/** `FLOTILLA_CHAOS=200` does so many faults, `FLOTILLA_SEED` others than seed 1: `make chaos`. */
const count = Number(process.env.FLOTILLA_CHAOS ?? 0);
const seed = Number(process.env.FLOTILLA_SEED ?? 1);
/** Only kinds whose name holds this pattern: `FLOTILLA_CHAOS_ONLY='stands still'`. */
const only = new RegExp(process.env.FLOTILLA_CHAOS_ONLY ?? '');
const isLong = count > 0;
/** The short form: one of each family, on one run. */
const few = [
  'a board is killed while boards measure themselves',
  'two boards are killed at once',
  "the hub and the run's process are killed",
  'nobody hears a board',
  'the disk of the hub is full',
  'a board reaches its memory limit',
];
const kinds = isLong ? Object.keys(faults) : few;

test.serial(`after faults at random (seed ${seed}) every run has the losses of an undisturbed one`, async (t) => {
  const patience = isLong ? 6 * 3_600_000 : 240_000;
  t.timeout(patience);
  await inChaos(t, { seed, steps: isLong ? 1500 : 500, patience }, async ({ campaign, commands, undisturbed }) => {
    // The short form runs beside other tests, on machines of any speed.
    if (!isLong) campaign.hangSeconds *= 2;
    const { missing } = campaign.ground;
    const possible = kinds.filter((name) => only.test(name) && !missing.has(faults[name]!.needs!));
    const ahead = isLong ? drawn(campaign.random, possible, count) : [...possible];
    const journal = new Journal(ahead.length);
    // Whoever waits for an hour wants to see how far it is, and what was survived where it ends early.
    const say = (line: string): void => (isLong ? console.log(line) : t.log(line));
    try {
      await endure(t, campaign, {
        commands,
        undisturbed,
        ahead,
        begins: (what) => isLong && say(journal.begins(what)),
        say: (fault, seconds, run) => say(journal.survived(fault, seconds, run)),
      });
    } finally {
      if (isLong) for (const line of journal.summary()) say(line);
    }
  });
});
