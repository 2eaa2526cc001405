import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import test from 'ava';
import { randomFrom } from '../random.ts';
import { type RealFleet, startFleet } from './fleet.ts';
import { inTemporaryDirectory, lossesOf, type Running } from './helpers.ts';
import { assertSameTrace } from './undisturbed.ts';

/** `FLOTILLA_CHAOS=200` does so many faults, `FLOTILLA_SEED` others than seed 1: `make chaos`. */
const faults = Number(process.env.FLOTILLA_CHAOS ?? 4);
const seed = Number(process.env.FLOTILLA_SEED ?? 1);
const boards = 4;
const steps = faults > 10 ? 1000 : 600;
const patience = faults > 10 ? 4 * 3_600_000 : 175_000;
/** A run is to train again so soon after a fault, where boards are there. */
const longestSeconds = 30;
const words = [
  'train',
  '--model',
  'mlp',
  '--batch',
  '16',
  '--micro-batches',
  '2',
  '--train-limit',
  '400',
  '--lr',
  '0.01',
];
const settings = [...words, '--steps', `${steps}`, '--test-limit', '20', '--checkpoint-every', '50'];

interface Ground {
  readonly fleet: RealFleet;
  readonly agents: Map<string, Running>;
  readonly run: Running;
  readonly random: () => number;
}

type Fault = (ground: Ground) => Promise<void>;

const kinds: Readonly<Record<string, Fault>> = {
  'one is killed': (ground) => kill(ground, some(ground, 1)),
  'two are killed': (ground) => kill(ground, some(ground, 2)),
  'one stands still for 1 s': (ground) => stop(ground, 1),
  'one stands still for 5 s': (ground) => stop(ground, 5),
  'one stands still for 30 s': (ground) => stop(ground, 30),
  'one is killed, and another while the rest load their new stage': async (ground) => {
    const [first, second] = some(ground, 2);
    ground.agents.get(first!)!.kill('SIGKILL');
    await wait(300 + 900 * ground.random());
    await kill(ground, [second!, first!]);
  },
};

/** Kills boards, and starts them again after a while, as a supervisor would. */
async function kill({ agents, fleet, random }: Ground, victims: readonly string[]): Promise<void> {
  for (const victim of victims) agents.get(victim)!.kill('SIGKILL');
  await Promise.all(victims.map((victim) => agents.get(victim)!.ended));
  await wait(6_000 * random());
  for (const victim of victims) agents.set(victim, await fleet.startBoard(victim));
}

async function stop(ground: Ground, seconds: number): Promise<void> {
  const [victim] = some(ground, 1);
  const agent = ground.agents.get(victim!)!;
  agent.kill('SIGSTOP');
  await wait(1_000 * seconds);
  agent.kill('SIGCONT');
}

function some({ fleet, random }: Ground, count: number): readonly string[] {
  return fleet.boards
    .map((board) => ({ board, at: random() }))
    .sort((a, b) => a.at - b.at)
    .slice(0, count)
    .map(({ board }) => board);
}

/** From the end of each term to the first step of the next. */
async function restoresOf(directory: string): Promise<readonly number[]> {
  const { recoveries } = JSON.parse(await readFile(join(directory, 'run.json'), 'utf8')) as {
    readonly recoveries: readonly { readonly at: number; readonly trainingAt?: number }[];
  };
  return recoveries.flatMap(({ at, trainingAt }) => (trainingAt === undefined ? [] : [trainingAt - at]));
}

test.serial(
  `after ${faults} faults at random (seed ${seed}) every run has the losses of an undisturbed one`,
  async (t) => {
    t.timeout(patience);
    const random = randomFrom(seed);
    await inTemporaryDirectory(async (cwd) => {
      const fleet = await startFleet(cwd, boards, patience);
      try {
        const quiet = await fleet.start(...settings, '--boards', '1', '--out', 'quiet').ended;
        t.is(quiet.code, 0, quiet.stderr);
        const undisturbed = await lossesOf(join(cwd, 'quiet'));
        await fleet.startHub();
        const started = await Promise.all(fleet.boards.map(fleet.startBoard));
        const agents = new Map(fleet.boards.map((board, index) => [board, started[index]!]));
        for (let done = 0, round = 0; done < faults; round += 1) {
          const run = fleet.start(...settings, '--fleet', 'shed', '--out', `out${round}`);
          let over = false;
          const end = run.ended.finally(() => {
            over = true;
          });
          await run.said(/samples\/s/);
          for (; done < faults && !over; done += 1) {
            await Promise.race([wait(500 + 3_000 * random()), end]);
            const names = Object.keys(kinds).filter((name) => faults > 10 || !name.includes('30 s'));
            const name = names[Math.floor(random() * names.length)]!;
            t.log(name);
            await kinds[name]!({ fleet, agents, run, random });
          }
          const { code, stderr } = await end;
          t.is(code, 0, stderr);
          assertSameTrace(t, await lossesOf(join(cwd, `out${round}`)), undisturbed);
          for (const seconds of await restoresOf(join(cwd, `out${round}`)))
            t.true(seconds <= longestSeconds, `${seconds} s`);
        }
      } finally {
        await fleet.close();
      }
    });
  },
);
