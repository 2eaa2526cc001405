import { type DeviceCommand, type LinkSender, unlessAborted } from '../../broker/index.ts';
import { type Plan, parsePlan } from '../../planner/index.ts';
import type { Engine } from '../engine/index.ts';
import { type BoardRun, type BoardRunNeeds, patienceOf } from './board-run.ts';
import { reportedError } from './errors.ts';
import { type Handover, handoverOf } from './handover.ts';
import { LinkEnds } from './link-ends.ts';
import { firstBroken, openSender } from './links.ts';
import { secondsSince } from './seconds-since.ts';
import { sendBlocks } from './state-transfer.ts';

type ProposeCommand = Extract<DeviceCommand, { kind: 'propose' }>;

/** A board's part in a plan that has no stage for it: it gives its blocks away. */
export class Departure {
  readonly run: string;
  readonly term: number;
  readonly stage: number;
  readonly finished: Promise<void>;
  readonly #needs: BoardRunNeeds;
  readonly #command: ProposeCommand;
  readonly #former: BoardRun;
  readonly #ending = new AbortController();
  readonly #ends = new LinkEnds();
  #isCommitted = false;
  readonly #committed = Promise.withResolvers<number>();

  constructor(needs: BoardRunNeeds, command: ProposeCommand, former: BoardRun) {
    this.#needs = needs;
    this.#command = command;
    this.#former = former;
    this.run = command.run;
    this.term = command.term;
    this.stage = former.stage;
    this.#committed.promise.catch(() => {});
    this.finished = this.#live();
  }

  /** It waits for a plan that may never come. */
  get isBeside(): boolean {
    return !this.#isCommitted;
  }

  grant(): void {}

  clip(): void {}

  encode(): void {}

  commit(step: number): void {
    this.#isCommitted = true;
    this.#committed.resolve(step);
  }

  async stop(reason: string): Promise<void> {
    const error = new Error(`the run was stopped: ${reason}`);
    this.#ending.abort(error);
    this.#committed.reject(error);
    if (this.#isCommitted) await this.#former.stop(reason);
    await this.finished;
  }

  /** Once it was stopped: resolves when it has no links, and will have none. */
  async unlink(): Promise<void> {
    await this.#ends.close();
  }

  async #live(): Promise<void> {
    const { run, term, stage } = this;
    const { report } = this.#needs;
    let step = 0;
    let engine: Engine | undefined;
    try {
      const opening = performance.now();
      const plan = parsePlan(this.#command.plan);
      const { gives } = handoverOf(parsePlan(this.#command.before), plan, this.#needs.board);
      const senders = await this.#openSenders(plan, [...gives.keys()]);
      const linkSeconds = secondsSince(opening);
      await report({ kind: 'ready', run, term, seconds: linkSeconds, linkSeconds });
      const broken = firstBroken(senders);
      step = await unlessAborted(this.#committed.promise, broken);
      const { stage: loaded, ends } = await this.#former.handOver(step);
      engine = loaded.engine;
      const start = performance.now();
      const closing = this.#ends.takeOver(ends, senders);
      await unlessAborted(Promise.all([this.#give(engine, gives, senders, step), closing]), broken);
      await report({ kind: 'moved', run, term, seconds: secondsSince(start), bytes: 0 });
    } catch (error) {
      if (this.#ending.signal.aborted || this.#former.hasEnded) return;
      await report({ kind: 'failed', run, term, stage, step, error: reportedError(error) }).catch(() => {});
    } finally {
      await Promise.allSettled([this.#ends.close(), engine && this.#needs.engines.giveBack(engine)]);
    }
  }

  /** To the boards that get its blocks. */
  #openSenders(plan: Plan, takers: readonly string[]): Promise<readonly LinkSender[]> {
    const needs = {
      transport: this.#needs.transport,
      standing: this.#former.links,
      ends: this.#ends,
      signal: this.#ending.signal,
      ...patienceOf(this.#command),
    };
    return Promise.all(takers.map((to) => openSender(to, plan, needs)));
  }

  async #give(engine: Engine, gives: Handover['gives'], senders: readonly LinkSender[], step: number): Promise<void> {
    const sendings = senders.map(async (sender) => {
      sender.setTerm(this.term);
      const { arrived } = await sendBlocks(sender, engine, gives.get(sender.to)!, step, this.#ending.signal);
      await arrived;
    });
    await Promise.all(sendings);
  }
}
