import type { LinkStatus } from '../messages/tables.ts';
import type { Outbox, ProbePicture, Settlement } from './outbox.ts';

/** A receiver that said nothing for so long is asked. */
const QUIET_MILLISECONDS = 5_000;

export interface InquiryNeeds {
  readonly outbox: Outbox;
  readonly patienceMilliseconds: number;
  readonly publish: (number: number, underWay: readonly number[]) => void;
  /** The receiver has not answered, or there was no connection, for as long as there is patience. */
  readonly giveUp: (reason: string) => void;
}

/** Asks a link's receiver what it has, when that is in doubt, and waits for its answers no longer than there is patience. */
export class Inquiry {
  readonly #needs: InquiryNeeds;
  readonly #quiet: NodeJS.Timeout;
  #absence: NodeJS.Timeout | undefined;
  #probe: ProbePicture | undefined;
  #number = 0;
  #refusedSeen = 0;
  #heardAt = performance.now();
  #isConnected = true;

  constructor(needs: InquiryNeeds) {
    this.#needs = needs;
    this.#quiet = setInterval(() => this.#askIfQuiet(), QUIET_MILLISECONDS).unref();
  }

  /** Whether it is known what the receiver has of what was sent over an earlier connection. */
  get isSettled(): boolean {
    return this.#isConnected && !this.#probe?.isReturn;
  }

  /** Asks; a question that is still open is replaced. */
  ask(isReturn = false): void {
    const { outbox, publish } = this.#needs;
    this.#number += 1;
    this.#probe = outbox.picture(this.#number, isReturn || (this.#probe?.isReturn ?? false));
    publish(this.#number, outbox.underWay());
  }

  /** Takes in what the receiver says it has. */
  hear(status: LinkStatus): Settlement {
    this.#heardAt = performance.now();
    const probe = this.#probe?.number === status.answers ? this.#probe : undefined;
    const settlement = this.#needs.outbox.settle(status, probe);
    if (probe !== undefined) this.#probe = undefined;
    if (this.isSettled) this.#stopAbsence();
    if (status.refused > this.#refusedSeen) {
      this.#refusedSeen = status.refused;
      this.ask();
    }
    return settlement;
  }

  lost(): void {
    this.#isConnected = false;
    const { patienceMilliseconds: milliseconds, giveUp } = this.#needs;
    const over = (): void => giveUp(`its connection was gone for ${milliseconds} ms`);
    this.#absence ??= setTimeout(over, milliseconds).unref();
  }

  returned(): void {
    this.#isConnected = true;
    this.ask(true);
  }

  close(): void {
    clearInterval(this.#quiet);
    this.#stopAbsence();
  }

  #stopAbsence(): void {
    clearTimeout(this.#absence);
    this.#absence = undefined;
  }

  #askIfQuiet(): void {
    const { outbox, patienceMilliseconds, giveUp } = this.#needs;
    const silent = performance.now() - this.#heardAt;
    if (outbox.size === 0) this.#heardAt = performance.now();
    else if (silent > patienceMilliseconds) giveUp(`the receiver said nothing for ${Math.round(silent)} ms`);
    else if (silent >= QUIET_MILLISECONDS && this.#isConnected) this.ask();
  }
}
