import { waitFor } from '../../broker/index.ts';
import { type BesideOptions, type Engine, startWorkerEngine } from '../engine/index.ts';

/** What stands here holds no stage, but its thread and its library take some 20 MB. */
const KEPT_MILLISECONDS = 300_000;
const UNLOAD_MILLISECONDS = 10_000;

/**
 * Keeps engines that nobody needs any more for the next stage that is loaded: to start one takes a quarter of a second of a
 * processor, which all boards do at once when one is lost, and which a weak board takes from its training when plans change.
 */
export class EngineShelf {
  /** The last that was given back. */
  readonly #idle = new Place();
  /** Only for a stage that is loaded beside another: whoever begins to train takes the time to start one. */
  readonly #spare = new Place();
  #isClosed = false;

  /** @param beside how it is loaded where another stage trains meanwhile */
  async take(signal: AbortSignal, beside?: BesideOptions): Promise<Engine> {
    signal.throwIfAborted();
    const kept = this.#idle.take() ?? (beside && this.#spare.take());
    return kept ?? startWorkerEngine(signal, beside);
  }

  /** Resolves when its stage is freed. */
  async giveBack(engine: Engine): Promise<void> {
    try {
      // A thread that does not answer computes for ever.
      await waitFor(engine.unload(), { what: 'an engine that frees its stage', milliseconds: UNLOAD_MILLISECONDS });
    } catch (error) {
      engine.dispose().catch(() => {});
      throw error;
    }
    if (this.#isClosed || !(this.#idle.put(engine) || this.#spare.put(engine))) await engine.dispose();
  }

  /** One that comes to nothing is none. */
  async keepSpare(coming: Promise<Engine>): Promise<void> {
    const engine = await coming.catch(() => undefined);
    if (engine !== undefined && (this.#isClosed || !this.#spare.put(engine))) await engine.dispose();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([this.#idle, this.#spare].map((place) => place.take()?.dispose()));
  }
}

/** Room for one engine, which ends after a while. */
class Place {
  #engine: Engine | undefined;
  #expiry: NodeJS.Timeout | undefined;

  /** False where the place is taken. */
  put(engine: Engine): boolean {
    if (this.#engine !== undefined) return false;
    this.#engine = engine;
    this.#expiry = setTimeout(
      () =>
        this.take()
          ?.dispose()
          .catch(() => {}),
      KEPT_MILLISECONDS,
    ).unref();
    return true;
  }

  take(): Engine | undefined {
    const engine = this.#engine;
    this.#engine = undefined;
    clearTimeout(this.#expiry);
    return engine;
  }
}
