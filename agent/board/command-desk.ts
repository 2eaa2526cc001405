import type { DeviceCommand } from '../../broker/index.ts';
import { BoardRun, type BoardRunNeeds } from './board-run.ts';
import { Departure } from './departure.ts';
import { Giving } from './giving.ts';
import type { Surveyor } from './survey.ts';

type Propose = Extract<DeviceCommand, { kind: 'propose' }>;

type Part = BoardRun | Departure | Giving;

/**
 * Carries out the coordinator's commands, one run at a time: the part in the plan that is trained under and, while a change
 * is prepared, the one in the plan that comes next.
 */
export class CommandDesk {
  readonly #needs: BoardRunNeeds;
  readonly #surveyor: Surveyor;
  /** The oldest first. */
  #parts: readonly Part[] = [];
  /** Starting and stopping runs, one after another. */
  #changing: Promise<void> = Promise.resolve();

  constructor(needs: BoardRunNeeds, surveyor: Surveyor) {
    this.#needs = needs;
    this.#surveyor = surveyor;
  }

  receive(command: DeviceCommand): void {
    switch (command.kind) {
      case 'survey':
        // Somebody else may have asked for the one that is under way, and be gone since.
        this.#surveyor.stop('it is asked for anew');
        this.#change(async () => {
          await this.#stopAll('the board measures itself for another run');
          await this.#surveyor.answer(command);
        });
        break;
      case 'prepare':
        this.#surveyor.stop('a run begins');
        this.#change(async () => {
          await this.#stopAll('another run begins');
          const { run, stage, fromStep } = command;
          // The run has gone back: what is held of later steps was given up.
          this.#needs.held.join(run);
          this.#needs.held.forget(run, fromStep);
          this.#add(
            stage === null ? new Giving(this.#needs, command) : new BoardRun(this.#needs, { ...command, stage }),
          );
        });
        break;
      case 'propose':
        this.#surveyor.stop('the board gets work');
        this.#change(() => this.#propose(command));
        break;
      case 'commit':
        this.#change(async () => this.#ofRun(command)?.commit(command.step));
        break;
      case 'grant':
        this.#change(async () => this.#ofRun(command)?.grant(command));
        break;
      case 'forget':
        this.#change(async () => this.#needs.held.forget(command.run, command.but));
        break;
      case 'encode':
        this.#change(async () => this.#ofRun(command)?.encode(command));
        break;
      case 'clip':
        this.#ofRun(command)?.clip(command.step, command.squaredNorm);
        break;
      case 'stop':
        this.#surveyor.stop(command.reason);
        this.#change(async () => {
          const { run, term } = command;
          const part = this.#ofRun(command);
          if (part === undefined) return;
          await this.#stop(part, command.reason);
          await this.#needs.report({ kind: 'stopped', run, term, stage: part.stage }).catch(() => {});
        });
        break;
      default:
        command satisfies never;
    }
  }

  async close(reason: string): Promise<void> {
    this.#surveyor.stop(reason);
    this.#change(() => this.#stopAll(reason));
    await this.#changing;
    await Promise.all(this.#parts.map(({ finished }) => finished));
  }

  /** What was proposed before is forgotten; the part that is trained in stays. */
  async #propose(command: Propose): Promise<void> {
    const { run, stage } = command;
    const former = this.#parts.find((part) => part.run === run && part.term === Number(command.before.term));
    for (const part of this.#parts) if (part !== former) await this.#stop(part, 'another plan is proposed');
    this.#needs.held.join(run);
    const standing = former instanceof BoardRun ? former : undefined;
    if (stage !== null) this.#add(new BoardRun(this.#needs, { ...command, stage }, standing));
    else if (standing !== undefined) this.#add(new Departure(this.#needs, command, standing));
  }

  #add(part: Part): void {
    this.#parts = [...this.#parts, part];
    part.finished.then(() => {
      this.#parts = this.#parts.filter((other) => other !== part);
      if (this.#parts.length === 0) this.#needs.notice({ kind: 'idle' });
    });
  }

  async #stopAll(reason: string): Promise<void> {
    for (const part of this.#parts) await this.#stop(part, reason);
  }

  /** Of a stage that is being loaded beside only the links are waited for, which the next plan may need: its engine may take long. */
  async #stop(part: Part, reason: string): Promise<void> {
    const { isBeside } = part;
    const stopped = part.stop(reason);
    await (isBeside ? part.unlink() : stopped);
  }

  #ofRun({ run, term }: { readonly run: string; readonly term: number }): Part | undefined {
    return this.#parts.find((part) => part.run === run && part.term === term);
  }

  #change(act: () => Promise<void>): void {
    this.#changing = this.#changing.then(act);
  }
}
