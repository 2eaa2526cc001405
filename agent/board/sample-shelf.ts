import type { Plan } from '../../planner/index.ts';
import type { SampleSource } from '../runtime/stage-runtime.ts';
import { openSamples } from './plan-stage.ts';

/** A data set may be large: a board that has the first stage no more does not hold it for long. */
const KEPT_MILLISECONDS = 60_000;

type Open = (plan: Plan, signal: AbortSignal) => Promise<SampleSource>;

/**
 * Keeps the samples of the first stage from one term to the next: to read, or draw, a data set takes a second of a
 * processor, and all boards wait for it.
 */
export class SampleShelf {
  readonly #open: Open;
  #key = '';
  #opened: WeakRef<SampleSource> | undefined;
  /** What is held although no stage reads it. */
  #lingering: SampleSource | undefined;
  #expiry: NodeJS.Timeout | undefined;

  constructor(open: Open = openSamples) {
    this.#open = open;
  }

  async open(plan: Plan, signal: AbortSignal): Promise<SampleSource> {
    const key = JSON.stringify([plan.data, plan.batch, plan.seed]);
    const known = this.#lingering ?? this.#opened?.deref();
    if (known !== undefined && key === this.#key) return known;
    this.close();
    const samples = await this.#open(plan, signal);
    this.#key = key;
    this.#opened = new WeakRef(samples);
    return samples;
  }

  /** A stage reads them no more; the next may. */
  release(samples: SampleSource): void {
    if (samples !== this.#opened?.deref()) return;
    clearTimeout(this.#expiry);
    this.#lingering = samples;
    this.#expiry = setTimeout(() => this.close(), KEPT_MILLISECONDS).unref();
  }

  /** Holds nothing any more. */
  close(): void {
    clearTimeout(this.#expiry);
    this.#lingering = undefined;
  }
}
