import type { DeviceCommand, LinkSender } from '../../broker/index.ts';
import { parsePlan } from '../../planner/index.ts';
import type { Engine } from '../engine/index.ts';
import { type BoardRun, type BoardRunNeeds, patienceOf } from './board-run.ts';
import { reportedError } from './errors.ts';
import { handoverOf } from './handover.ts';
import { captureState, sendBlocks } from './state-transfer.ts';

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

  async #live(): Promise<void> {
    const { run, term, stage } = this;
    const { report } = this.#needs;
    let step = 0;
    let engine: Engine | undefined;
    try {
      await report({ kind: 'ready', run, term, seconds: 0 });
      step = await this.#committed.promise;
      const loaded = await this.#former.handOver(step);
      engine = loaded.engine;
      const start = performance.now();
      await this.#give(engine, step);
      await report({ kind: 'moved', run, term, seconds: (performance.now() - start) / 1000, bytes: 0 });
    } catch (error) {
      if (this.#ending.signal.aborted || this.#former.hasEnded) return;
      await report({ kind: 'failed', run, term, stage, step, error: reportedError(error) }).catch(() => {});
    } finally {
      await engine?.dispose().catch(() => {});
    }
  }

  async #give(engine: Engine, step: number): Promise<void> {
    const { board, transport } = this.#needs;
    const { run, term } = this;
    const { signal } = this.#ending;
    const plan = parsePlan(this.#command.plan);
    const { gives } = handoverOf(parsePlan(this.#command.before), plan, board);
    const patience = patienceOf(this.#command);
    const senders: LinkSender[] = [];
    try {
      const sendings = [...gives].map(async ([to, blocks]) => {
        const { dataUrl } = plan.stages.find((other) => other.board === to)!;
        const sender = await transport.openSender({ to, url: dataUrl!, run, term, signal, ...patience });
        senders.push(sender);
        await sendBlocks(sender, await captureState(engine, blocks), step, signal);
      });
      await Promise.all(sendings);
    } finally {
      for (const sender of senders) sender.close().catch(() => {});
    }
  }
}
