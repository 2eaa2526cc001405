import type { DeviceCommand } from '../../broker/index.ts';
import { parsePlan } from '../../planner/index.ts';
import { type BoardRunNeeds, patienceOf } from './board-run.ts';
import { reportedError } from './errors.ts';
import { LinkEnds } from './link-ends.ts';
import { firstBroken, openSender } from './links.ts';
import { giveHeld, restoringFor } from './restoring.ts';

type PrepareCommand = Extract<DeviceCommand, { kind: 'prepare' }>;

/** A board's part in a plan that has no stage for it, but begins with state that it holds: it gives that away. */
export class Giving {
  readonly run: string;
  readonly term: number;
  readonly stage = 0;
  readonly isBeside = false;
  readonly finished: Promise<void>;
  readonly #needs: BoardRunNeeds;
  readonly #command: PrepareCommand;
  readonly #ending = new AbortController();
  readonly #ends = new LinkEnds();

  constructor(needs: BoardRunNeeds, command: PrepareCommand) {
    this.#needs = needs;
    this.#command = command;
    this.run = command.run;
    this.term = command.term;
    this.finished = this.#live();
  }

  grant(): void {}

  clip(): void {}

  encode(): void {}

  commit(): void {}

  async stop(reason: string): Promise<void> {
    this.#ending.abort(new Error(`the run was stopped: ${reason}`));
    await this.finished;
  }

  async unlink(): Promise<void> {
    await this.#ends.close();
  }

  async #live(): Promise<void> {
    const { run, term, stage } = this;
    const { transport, held, board, report } = this.#needs;
    const { fromStep: step } = this.#command;
    const { signal } = this.#ending;
    try {
      const plan = parsePlan(this.#command.plan);
      const restoring = restoringFor(plan, this.#command, board);
      const needs = { transport, ends: this.#ends, signal, ...patienceOf(this.#command) };
      const senders = await Promise.all([...restoring.gives.keys()].map((to) => openSender(to, plan, needs)));
      const broken = firstBroken(senders);
      const either = AbortSignal.any([signal, broken]);
      await giveHeld(restoring, (to) => senders.find((sender) => sender.to === to)!, { held, step, signal: either });
    } catch (error) {
      if (signal.aborted) return;
      await report({ kind: 'failed', run, term, stage, step, error: reportedError(error) }).catch(() => {});
    } finally {
      await this.#ends.close();
    }
  }
}
