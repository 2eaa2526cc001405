import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { enterGroup } from '../../../cli/lab/cgroup/index.ts';
import { OUTPUT_LOG, RUN_FILE, readRunLog } from '../../../cli/runs/index.ts';
import type { RealFleet } from '../fleet.ts';
import type { Running } from '../helpers.ts';
import type { Ground } from './ground.ts';
import { type Observer, startObserver } from './observer.ts';
import { shuffled } from './order.ts';
import { processesIn } from './processes.ts';

const LOOK_MILLISECONDS = 50;
const HANG_SECONDS = 30;
const LAST_CHARACTERS = 4_000;
export const PROGRESS = /\d+\/\d+ {2}loss/;

/** One run at a time on a fleet whose processes can be killed, and are then started again as by a supervisor. */
export class Campaign {
  /** In which all of its processes work. */
  readonly cwd: string;
  readonly fleet: RealFleet;
  readonly ground: Ground;
  readonly random: () => number;
  #observer: Observer | undefined;
  readonly agents = new Map<string, Running>();
  hub: Running | undefined;
  run: Running | undefined;
  directory = '';
  /** Longer without a step, where boards are there, and the run hangs. */
  hangSeconds = HANG_SECONDS;
  /** Boards that are never killed. */
  spared: readonly string[] = [];

  constructor(cwd: string, fleet: RealFleet, ground: Ground, random: () => number) {
    this.cwd = cwd;
    this.fleet = fleet;
    this.ground = ground;
    this.random = random;
  }

  async start(): Promise<void> {
    this.hub = await this.fleet.startHub();
    this.#observer = startObserver(this.cwd, this.ground.places.hub);
    await Promise.all(this.fleet.boards.map((board) => this.startBoard(board)));
  }

  async close(): Promise<void> {
    await this.#observer?.close();
  }

  async startBoard(board: string): Promise<void> {
    const agent = await this.fleet.startBoard(board);
    const group = this.ground.groups[this.fleet.boards.indexOf(board)];
    if (group !== undefined) enterGroup(group, agent.pid);
    this.agents.set(board, agent);
  }

  /** Begins a run as a person would; whoever goes on with it later is nobody's business. */
  begin(name: string, words: readonly string[]): void {
    this.directory = join(this.ground.disk, name);
    this.run = this.fleet.start(...words, '--fleet', 'shed', '--out', this.directory);
  }

  /** Boards in a random order: first those that have work, since the others are hardly missed. */
  async some(count: number): Promise<readonly string[]> {
    const atWork = await this.atWork();
    const all = shuffled(this.random, this.fleet.boards);
    return all.toSorted((a, b) => Number(atWork.has(b)) - Number(atWork.has(a))).slice(0, count);
  }

  /** The same, of those that may be killed. */
  async victims(count: number): Promise<readonly string[]> {
    const all = await this.some(this.fleet.boards.length);
    return all.filter((board) => !this.spared.includes(board)).slice(0, count);
  }

  /** The boards of the plan that the run has told last. */
  async atWork(): Promise<ReadonlySet<string>> {
    const plan = (await this.#text()).split(/^Plan \d+ of run/m).at(-1)!;
    return new Set([...plan.matchAll(/^ +\d+ +(board\d+) /gm)].map(([, board]) => board!));
  }

  seconds(least: number, most: number): Promise<void> {
    return wait(1000 * (least + (most - least) * this.random()));
  }

  /** The process that the run is in now; undefined where it has none. */
  async runPid(): Promise<number | undefined> {
    const own = [this.hub?.pid, ...[...this.agents.values()].map(({ pid }) => pid)];
    const found = await Promise.all(
      (await processesIn(this.cwd)).map(async (pid) => {
        const words = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0');
        return words.includes('train') && !own.includes(pid) ? [pid] : [];
      }),
    );
    return found.flat()[0];
  }

  /** How often the run, whichever process it is in, has said this. */
  async count(pattern: RegExp): Promise<number> {
    return [...(await this.#text()).matchAll(new RegExp(pattern, 'g'))].length;
  }

  async #text(): Promise<string> {
    const log = await readFile(join(this.directory, OUTPUT_LOG), 'utf8').catch(() => '');
    return `${this.run?.text() ?? ''}\n${log}`;
  }

  async isOver(): Promise<boolean> {
    if ((await readRunLog(this.directory))?.ended !== undefined) return true;
    const isLate = (this.run?.child.exitCode ?? 0) !== 0;
    return isLate && (await readRunLog(this.directory)) === undefined;
  }

  /** Once it has started. */
  get observer(): Observer {
    return this.#observer!;
  }

  /** Until the run says this once more than `before` times, or is over. */
  async untilSaid(pattern: RegExp, before: number, seconds = this.hangSeconds): Promise<void> {
    const isSaid = async () => (await this.count(pattern)) > before;
    if (!(await this.#within(seconds, isSaid))) throw await this.#silence(`${pattern}`, seconds);
  }

  /** Until the run tells an event, `ended` has settled, the run is over or the time is. */
  async untilHeard(what: string, before: number, ended: Promise<unknown>, seconds: number): Promise<void> {
    let isEnded = false;
    const end = (): void => {
      isEnded = true;
    };
    ended.then(end, end);
    await this.#within(seconds, async () => isEnded || this.observer.count(what) > before);
  }

  /** Seconds until another step is done. */
  async untilProgress(): Promise<number> {
    const begin = performance.now();
    const steps = this.observer.count('step');
    const lines = await this.count(PROGRESS);
    const isDone = async () => this.observer.count('step') > steps || (await this.count(PROGRESS)) > lines;
    if (!(await this.#within(this.hangSeconds, isDone))) throw await this.#silence('a step', this.hangSeconds);
    return (performance.now() - begin) / 1000;
  }

  /** Looks until it holds or the run is over. @returns whether that was in time */
  async #within(seconds: number, holds: () => Promise<boolean>): Promise<boolean> {
    const until = performance.now() + 1000 * seconds;
    while (!(await holds()) && !(await this.isOver())) {
      if (performance.now() > until) return false;
      await wait(LOOK_MILLISECONDS);
    }
    return true;
  }

  async #silence(what: string, seconds: number): Promise<Error> {
    return new Error(`nothing like ${what} within ${seconds} s:\n${await this.words()}`);
  }

  /** What the run, the hub and the boards have said last. */
  async words(): Promise<string> {
    const log = await readFile(join(this.directory, OUTPUT_LOG), 'utf8').catch(() => '');
    const agents = [...this.agents].map(([board, agent]) => [board, agent.text()] as const);
    const all = [
      ['run', this.run?.text() ?? ''],
      ['run, gone on with', log],
      ['hub', this.hub?.text() ?? ''],
      ...agents,
    ];
    return all.map(([name, text]) => `--- ${name}\n${text!.slice(-LAST_CHARACTERS)}`).join('\n');
  }

  /** The losses of the run, once it is over. @throws what it has said, where it did not finish */
  async losses(): Promise<readonly number[]> {
    while (!(await this.isOver())) await this.untilProgress();
    const record = await readFile(join(this.directory, RUN_FILE), 'utf8').catch(async () => {
      const log = await readFile(join(this.directory, OUTPUT_LOG), 'utf8').catch(() => '');
      throw new Error(`the run did not finish:\n${this.run?.text()}\n${log}\n${this.hub?.text()}`);
    });
    await this.run?.ended;
    return (JSON.parse(record) as { readonly losses: readonly number[] }).losses;
  }
}
