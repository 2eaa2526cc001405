import { spawnSync } from 'node:child_process';
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { type Campaign, PROGRESS } from './campaign.ts';
import type { Need } from './ground.ts';

/** Something that happens to a fleet while it trains. */
export interface Fault {
  /** What it needs of the machine. */
  readonly needs?: Need;
  /** Only while boards measure themselves, so at the beginning of a run; at any moment of its training when absent. */
  readonly moment?: 'survey';
  /** Does it; gives what undoes it. */
  readonly inject: (campaign: Campaign) => Promise<Heal>;
  /** For so long it lasts: the least and the most, in seconds. */
  readonly lasts: readonly [least: number, most: number];
}

export type Heal = () => Promise<void>;

const MEASURING = /measures? what (it is|they are) fast at/;
const PLANNED = /Plan \d+ of run/;
const RECOVERING = /Going on from step \d+/;

/** Everything that can happen, by what it is called. */
export const faults: Readonly<Record<string, Fault>> = {
  'a board is killed': { inject: async (c) => kill(c, await c.victims(1)), lasts: [0, 6] },
  'two boards are killed at once': { inject: async (c) => kill(c, await c.victims(2)), lasts: [0, 6] },
  'the hub is killed': { inject: killHub, lasts: [0.5, 5] },
  "the run's process is killed": { inject: killRun, lasts: [0, 0] },
  "the hub and the run's process are killed": { inject: killBoth, lasts: [0.5, 5] },
  'a board stands still for 1 s': { inject: stop, lasts: [1, 1] },
  'a board stands still for 5 s': { inject: stop, lasts: [5, 5] },
  'a board stands still for 30 s': { inject: stop, lasts: [30, 30] },
  'the link of a board is down': { needs: 'network', inject: cut, lasts: [1, 12] },
  'a board hears nobody': { needs: 'network', inject: (c) => lose(c, { up: 0, down: 1 }), lasts: [1, 12] },
  'nobody hears a board': { needs: 'network', inject: (c) => lose(c, { up: 1, down: 0 }), lasts: [1, 12] },
  'a board loses 30 % of its packets': {
    needs: 'network',
    inject: (c) => lose(c, { up: 0.3, down: 0.3 }),
    lasts: [3, 10],
  },
  'the disk of the hub is full': { needs: 'disk', inject: fillDisk, lasts: [2, 8] },
  'a board reaches its memory limit': { needs: 'memory', inject: exhaustMemory, lasts: [0, 4] },
  'a board is killed while boards measure themselves': {
    moment: 'survey',
    inject: async (c) => {
      await c.untilSaid(MEASURING, 0);
      await c.seconds(0, 2);
      return kill(c, await c.victims(1));
    },
    lasts: [0, 4],
  },
  'a board is killed while stages are prepared': { inject: (c) => killTwice(c, PLANNED, 1), lasts: [0, 4] },
  'a board is killed while the run recovers': { inject: (c) => killTwice(c, RECOVERING, 0.3), lasts: [0, 4] },
  'a board is killed while work moves': { inject: killWhileMoving, lasts: [0, 4] },
  'a board is killed while a move is prepared': { inject: (c) => killInMove(c, 'preparing', 0.4), lasts: [0, 4] },
  'a board is killed while boards commit to a move': { inject: (c) => killInMove(c, 'committing', 0.1), lasts: [0, 4] },
};

async function kill(campaign: Campaign, victims: readonly string[]): Promise<Heal> {
  const agents = victims.map((victim) => campaign.agents.get(victim)!);
  for (const agent of agents) agent.kill('SIGKILL');
  await Promise.all(agents.map(({ ended }) => ended));
  return async () => {
    for (const victim of victims) await campaign.startBoard(victim);
  };
}

/** As a supervisor does it. */
async function killHub(campaign: Campaign): Promise<Heal> {
  campaign.hub!.kill('SIGKILL');
  await campaign.hub!.ended;
  return async () => {
    campaign.hub = await campaign.fleet.startHub();
  };
}

async function killRun(campaign: Campaign): Promise<Heal> {
  const pid = await campaign.runPid();
  if (pid !== undefined) process.kill(pid, 'SIGKILL');
  return async () => {};
}

async function killBoth(campaign: Campaign): Promise<Heal> {
  const heal = await killHub(campaign);
  await killRun(campaign);
  return heal;
}

async function stop(campaign: Campaign): Promise<Heal> {
  const [victim] = await campaign.some(1);
  const agent = campaign.agents.get(victim!)!;
  agent.kill('SIGSTOP');
  return async () => agent.kill('SIGCONT');
}

async function someWire(campaign: Campaign) {
  const [victim] = await campaign.some(1);
  return campaign.ground.wires[campaign.fleet.boards.indexOf(victim!)]!;
}

async function cut(campaign: Campaign): Promise<Heal> {
  const { namespace } = await someWire(campaign);
  const set = (state: 'up' | 'down') => spawnSync('ip', ['-n', namespace, 'link', 'set', 'eth0', state]);
  set('down');
  return async () => void set('up');
}

async function lose(campaign: Campaign, chances: { readonly up: number; readonly down: number }): Promise<Heal> {
  const { address } = await someWire(campaign);
  const { relay } = campaign.ground;
  relay!.setLoss(address, chances);
  return async () => relay!.setLoss(address, { up: 0, down: 0 });
}

async function fillDisk({ ground: { disk } }: Campaign): Promise<Heal> {
  const file = join(disk, 'filler');
  const handle = openSync(file, 'w');
  for (const size of [1 << 20, 1 << 12, 1]) {
    const bytes = Buffer.alloc(size, 1);
    try {
      for (;;) writeSync(handle, bytes);
    } catch {
      // That much does not fit any more.
    }
  }
  closeSync(handle);
  return async () => rmSync(file, { force: true });
}

const MEMORY_TRIES = 100;
const TRY_MILLISECONDS = 100;

/** Lowers the limit of a board's control group to what the board has, until it wants more and is ended by the kernel. */
async function exhaustMemory(campaign: Campaign): Promise<Heal> {
  const [victim] = await campaign.victims(1);
  const agent = campaign.agents.get(victim!)!;
  const { directory, version } = campaign.ground.groups[campaign.fleet.boards.indexOf(victim!)]!.memory!;
  const [usage, limit] =
    version === 2 ? ['memory.current', 'memory.max'] : ['memory.usage_in_bytes', 'memory.limit_in_bytes'];
  const before = await readFile(join(directory, limit!), 'utf8');
  const set = (value: string) => writeFile(join(directory, limit!), value).catch(() => {});
  for (let tries = 0; agent.child.signalCode === null && tries < MEMORY_TRIES; tries += 1) {
    await set((await readFile(join(directory, usage!), 'utf8')).trim());
    await wait(TRY_MILLISECONDS);
  }
  agent.kill('SIGKILL');
  await agent.ended;
  return async () => {
    await set(before.trim());
    await campaign.startBoard(victim!);
  };
}

/**
 * Kills a board, and another one when the run says that it is so far. A run that has no work for the first one goes on, and
 * says only that.
 */
async function killTwice(campaign: Campaign, pattern: RegExp, seconds: number): Promise<Heal> {
  const [first, second] = await campaign.victims(2);
  const either = new RegExp(`${pattern.source}|${PROGRESS.source}`);
  const before = await campaign.count(either);
  const heal = await kill(campaign, [first!]);
  await campaign.untilSaid(either, before);
  await campaign.seconds(0, seconds);
  const healOther = await kill(campaign, [second!]);
  return async () => {
    await heal();
    await healOther();
  };
}

/** Drains a board, and kills another one while the work of the first is moved. */
async function killWhileMoving(campaign: Campaign): Promise<Heal> {
  const [drained, victim] = await campaign.victims(2);
  const draining = tell(campaign, 'drain', drained!);
  await campaign.seconds(0.3, 2);
  const heal = await kill(campaign, [victim!]);
  await draining;
  return async () => {
    await heal();
    await tell(campaign, 'undrain', drained!);
  };
}

const MOVE_SECONDS = 20;

/** Drains a board, and kills it or another one within so many seconds of when the run tells how far the move is. */
async function killInMove(campaign: Campaign, event: 'preparing' | 'committing', most: number): Promise<Heal> {
  const [drained, other] = await campaign.victims(2);
  const before = campaign.observer.count(event);
  const draining = tell(campaign, 'drain', drained!);
  // A board without work is drained at once.
  await campaign.untilHeard(event, before, draining, MOVE_SECONDS);
  await campaign.seconds(0, most);
  const heal = await kill(campaign, [campaign.random() < 0.5 ? drained! : other!]);
  await draining;
  return async () => {
    await heal();
    await tell(campaign, 'undrain', drained!);
  };
}

/** @returns what rejects with what the command has said where it fails, or takes longer than a run may hang */
function tell(campaign: Campaign, what: 'drain' | 'undrain', board: string): Promise<void> {
  const patience = what === 'drain' ? ['--patience', `${campaign.hangSeconds}`] : [];
  const { ended } = campaign.fleet.start(what, board, '--fleet', 'shed', ...patience);
  const told = ended.then(({ code, stderr }) => {
    if (code !== 0) throw new Error(`${what} ${board} ended with code ${code}:\n${stderr}`);
  });
  // Whoever waits for it does so later.
  told.catch(() => {});
  return told;
}
