import { availableParallelism } from 'node:os';
import type { DeviceCommand, DeviceReport, Log, Transport } from '../../broker/index.ts';
import {
  type BoardSurvey,
  blockSources,
  type DeviceProfile,
  type FittedModel,
  formatSurvey,
  parseWish,
  predictors,
  runSource,
  type SurveyWish,
} from '../../planner/index.ts';
import {
  calibrate,
  HOT_CELSIUS,
  loadProfile,
  measureCodec,
  measuredLink,
  measureLink,
  measureMessages,
  messageCostOf,
  openProbeReceiver,
  saveProfile,
  startMeasurer,
} from '../calibration/index.ts';
import { onnxRuntime } from '../engine/index.ts';
import { createTelemetry } from '../telemetry/index.ts';
import type { EngineShelf } from './engine-shelf.ts';
import { secondsSince } from './seconds-since.ts';
import type { StageNews } from './stage-notice.ts';

export type SurveyCommand = Extract<DeviceCommand, { kind: 'survey' }>;

export interface SurveyorNeeds {
  readonly board: string;
  readonly dataUrl: string;
  readonly transport: Transport;
  /** Gets the thread that has measured. */
  readonly engines: EngineShelf;
  /** Of one operation; 0 leaves it to the engine. */
  readonly threads: number;
  /** Decides which blocks are measured. */
  readonly predictor: FittedModel;
  /** Where profiles are kept; only in memory when absent. */
  readonly profiles?: string;
  readonly log: Log;
  readonly report: (report: DeviceReport) => Promise<void>;
  /** Told when the board begins to measure itself, and when it is through. */
  readonly notice: (news: StageNews) => void;
  /** Given what the board knows of itself, when that has become more. */
  readonly onProfile: (profile: DeviceProfile) => void;
}

/** Of the board's own cores: where there is no quota, the whole machine is its own. */
const availableCores = () => createTelemetry().sample().cpuQuota ?? availableParallelism();

/** Measures its board when a hub asks, and remembers what it has measured. */
export class Surveyor {
  readonly #needs: SurveyorNeeds;
  #ending = new AbortController();
  #profile: DeviceProfile | undefined;

  constructor(needs: SurveyorNeeds) {
    this.#needs = needs;
  }

  /** Ends a survey that is under way. */
  stop(reason: string): void {
    this.#ending.abort(new Error(reason));
  }

  /** Measures and reports; what goes wrong is reported too. */
  async answer({ run, term, round, wish }: SurveyCommand): Promise<void> {
    this.#ending = new AbortController();
    const { signal } = this.#ending;
    const { report, log, board } = this.#needs;
    const answer = { kind: 'surveyed', run, term, round } as const;
    this.#needs.notice({ kind: 'measuring', run, term });
    try {
      const survey = await this.#survey(parseWish(wish), { run, term }, signal);
      await report({ ...answer, survey: formatSurvey(survey) });
    } catch (error) {
      const { message: problem } = error as Error;
      log({ level: 'warn', event: 'survey-failed', detail: { board, run, problem } });
      if (!signal.aborted) await report({ ...answer, survey: null, problem }).catch(() => {});
    } finally {
      this.#needs.notice({ kind: 'idle' });
    }
  }

  /** What the board has measured of itself, now or when it was started before; undefined where nothing. */
  async known(): Promise<DeviceProfile | undefined> {
    this.#profile ??= await this.#kept();
    return this.#profile;
  }

  async #survey(wish: SurveyWish, place: { run: string; term: number }, signal: AbortSignal): Promise<BoardSurvey> {
    const { transport, board, dataUrl } = this.#needs;
    if (wish.stages.length > 0) return { profile: await this.#measure(wish, signal), links: [] };
    const sources = [board, ...wish.links.map(({ to }) => to)];
    const receivers = await Promise.all(sources.map((from) => openProbeReceiver(transport, from, place)));
    try {
      const links = [];
      for (const { to, url } of wish.links)
        links.push(measuredLink(await measureLink(transport, to, url, place, signal)));
      const { transfers } = await measureMessages(transport, board, dataUrl, place, signal);
      const messages = messageCostOf(transfers, availableCores(), this.#threads());
      const codec = await measureCodec(availableCores());
      // Other boards may still be sending: their ends stay open until this board has measured itself.
      return { profile: await this.#measure(wish, signal), messages, codec, links };
    } finally {
      await Promise.all(receivers.map((receiver) => receiver.close()));
    }
  }

  async #measure({ model, stages, budgetSeconds }: SurveyWish, signal: AbortSignal): Promise<DeviceProfile> {
    const { board, predictor, profiles, onProfile } = this.#needs;
    const known = await this.known();
    const start = performance.now();
    const measurer = await startMeasurer(signal);
    const telemetry = createTelemetry();
    try {
      const profile = await calibrate(measurer, {
        board,
        threads: this.#threads(),
        budgetSeconds: Math.max(1, budgetSeconds - secondsSince(start)),
        predictor: predictors.adaptive,
        model: predictor,
        stages: stages.map((run) => runSource(model, run)),
        ...(stages.length === 0 && { blocks: blockSources(model) }),
        ...(known && { known }),
        isHot: () => (telemetry.sample().temperatureC ?? 0) >= HOT_CELSIUS,
        signal,
      });
      if (profile !== known) {
        if (profiles !== undefined) await saveProfile(profiles, profile);
        this.#profile = profile;
        onProfile(profile);
      }
      return profile;
    } finally {
      // Beside what follows: nobody waits for it.
      void this.#needs.engines.keepSpare(measurer.becomeEngine());
    }
  }

  async #kept(): Promise<DeviceProfile | undefined> {
    const { board, profiles, log } = this.#needs;
    if (profiles === undefined) return undefined;
    try {
      return await loadProfile(profiles, board, onnxRuntime);
    } catch (error) {
      // A file that cannot be read is worth no more than none: the board measures itself anew.
      log({ level: 'warn', event: 'profile-unreadable', detail: { board, problem: (error as Error).message } });
      return undefined;
    }
  }

  #threads(): number {
    return this.#needs.threads || availableParallelism();
  }
}
