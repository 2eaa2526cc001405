import {
  type DeviceCommand,
  type DeviceReport,
  FewMap,
  type LinkSender,
  type TensorMemory,
  unlessAborted,
} from '../../broker/index.ts';
import { clipFactor } from '../../models/index.ts';
import type { Plan } from '../../planner/index.ts';
import { stageCodecs } from '../runtime/codecs.ts';
import type { Inbox } from '../runtime/inbox.ts';
import { runStep, type StageRuntimeNeeds, type StepOutcome } from '../runtime/stage-runtime.ts';
import { type HeldState, sendReplica } from './held-state.ts';
import type { StageLinks } from './links.ts';
import type { LoadedStage } from './loaded-stage.ts';
import { clips, learningRateOf, samplesPerMicroBatch } from './plan-stage.ts';
import { secondsSince } from './seconds-since.ts';
import { blocksOf, type CapturedState, captureState, inOne, sendState } from './state-transfer.ts';
import { trafficOf, trafficSince, withLosses } from './traffic.ts';

type GrantCommand = Extract<DeviceCommand, { kind: 'grant' }>;
export type StageReport = DistributiveOmit<DeviceReport, 'run' | 'term' | 'stage'>;
type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;

export interface TrainingNeeds {
  readonly inbox: Inbox;
  readonly memory: TensorMemory;
  readonly openHubLink: () => Promise<LinkSender>;
  /** Where the board keeps state for the loss of others. */
  readonly held: HeldState;
  readonly report: (report: StageReport) => Promise<void>;
  /** What is sent beside the steps has failed. */
  readonly onFailure: (error: unknown) => Promise<void>;
  readonly signal: AbortSignal;
}

/** The steps of one stage in one term, as far as they are granted, and the captures of its state between them. */
export class Training {
  readonly #needs: TrainingNeeds;
  /** By step, where its state goes. */
  readonly #captures = new Map<number, Pick<GrantCommand, 'capture' | 'replicate'>>();
  readonly #scales = new FewMap<number, (squaredNorm: number) => void>();
  /** How it encodes, where that is another way than that of its plan. */
  #codecs: StageRuntimeNeeds['codecs'];
  #grantedTo = 0;
  #step = 0;
  #usedCores: number | undefined;
  #endsAt = Number.POSITIVE_INFINITY;
  #wake: () => void = () => {};
  #hubLink: LinkSender | undefined;
  #sending: Promise<void> = Promise.resolve();
  #replicating: Promise<void> = Promise.resolve();

  constructor(needs: TrainingNeeds) {
    this.#needs = needs;
    needs.signal.addEventListener('abort', () => this.#wake(), { once: true });
  }

  /** The step that is next, or under way. */
  get step(): number {
    return this.#step;
  }

  /** Processors that this process used on average over the last step; undefined before the first. */
  get usedCores(): number | undefined {
    return this.#usedCores;
  }

  /** Grants may have come before. */
  beginWith(step: number): void {
    this.#step = step;
    this.#grantedTo = Math.max(this.#grantedTo, step);
  }

  /** It is over once the steps before this one are done. */
  endWith(step: number): void {
    this.#endsAt = step;
    this.#wake();
  }

  grant({ toStep, capture, replicate }: GrantCommand): void {
    this.#grantedTo = Math.max(this.#grantedTo, toStep);
    if (capture || replicate) this.#captures.set(toStep, { capture, replicate });
    this.#wake();
  }

  /** From the next step on it encodes as this plan says. */
  encode(plan: Plan, stage: number): void {
    this.#codecs = stageCodecs(plan, stage);
  }

  clip(step: number, squaredNorm: number): void {
    this.#scales.get(step)?.(squaredNorm);
  }

  /** Resolves after the last step of `endWith`, or when the signal is aborted between two steps. */
  async train(stage: LoadedStage, links: StageLinks): Promise<void> {
    const { signal, inbox } = this.#needs;
    const runtime = this.#runtime(stage, links);
    // A link that breaks ends the step that is waiting for it.
    const onBroken = (): void => inbox.close(links.broken.reason);
    links.broken.addEventListener('abort', onBroken, { once: true });
    if (links.broken.aborted) onBroken();
    while (!signal.aborted && this.#step < this.#endsAt) {
      const wanted = this.#captures.get(this.#step);
      if (wanted !== undefined) await this.#capture(stage, links, wanted);
      else if (this.#step < this.#grantedTo) {
        await this.#timedStep(runtime, links);
        this.#step += 1;
      } else await unlessAborted(this.#nextCommand(), links.broken);
    }
  }

  /** The link to the hub, after what is on its way; whoever owns links closes it. */
  async settled(): Promise<LinkSender | undefined> {
    await Promise.all([this.#sending, this.#replicating]);
    return this.#hubLink;
  }

  #runtime({ planned, engine, description, samples }: LoadedStage, links: StageLinks): StageRuntimeNeeds {
    const { plan, index, instructions } = planned;
    const { next, previous, loss } = links;
    return {
      engine,
      stage: description,
      instructions,
      microBatches: plan.microBatches,
      samplesPerMicroBatch: samplesPerMicroBatch(plan),
      inbox: this.#needs.inbox,
      codecs: stageCodecs(plan, index),
      memory: this.#needs.memory,
      samples,
      next,
      previous,
      loss,
      learningRate: learningRateOf(plan),
      gradientScale: this.#gradientScale(plan),
    };
  }

  async #timedStep(runtime: StageRuntimeNeeds, { all, broken }: StageLinks): Promise<void> {
    const before = trafficOf(all);
    const cpuBefore = process.cpuUsage();
    const start = performance.now();
    const codecs = this.#codecs ?? runtime.codecs;
    const stepped = runStep({ ...runtime, codecs }, this.#step, this.#needs.signal);
    const outcome: StepOutcome = await unlessAborted(stepped, broken);
    const wallSeconds = secondsSince(start);
    const { user, system } = process.cpuUsage(cpuBefore);
    const cpuSeconds = (user + system) / 1e6;
    this.#usedCores = cpuSeconds / wallSeconds;
    await this.#needs.report({
      kind: 'step',
      step: this.#step,
      loss: outcome.loss,
      samples: runtime.samplesPerMicroBatch * runtime.microBatches,
      computeSeconds: outcome.computeSeconds,
      overheadSeconds: Math.max(0, cpuSeconds - outcome.computeSeconds),
      waitSeconds: outcome.waitSeconds,
      wallSeconds,
      ...withLosses(trafficSince(before, trafficOf(all)), outcome.quantisation),
    });
  }

  /** Copies the state now, and sends the copy beside the next steps. */
  async #capture(
    { planned, engine }: LoadedStage,
    links: StageLinks,
    { capture, replicate }: Pick<GrantCommand, 'capture' | 'replicate'>,
  ): Promise<void> {
    const step = this.#step;
    this.#captures.delete(step);
    const state = await captureState(engine, blocksOf(planned.own));
    if (replicate) this.#replicate(state, links, step);
    if (capture) await this.#sendToHub(state, step);
  }

  async #sendToHub(state: CapturedState, step: number): Promise<void> {
    const { openHubLink, signal } = this.#needs;
    this.#hubLink ??= await openHubLink();
    const link = this.#hubLink;
    await this.#sending;
    this.#sending = this.#beside(async () => {
      return { kind: 'captured', step, ...(await sendState(link, state, step, signal)) };
    });
  }

  /** Keeps the state, and has the stage beside this one keep it too. */
  #replicate(state: CapturedState, { next, previous }: StageLinks, step: number): void {
    const { held, signal } = this.#needs;
    const link = next ?? previous;
    if (link === undefined) return;
    const blocks = new Map(state.map(({ block, tensors }) => [block, inOne(tensors)]));
    for (const [block, values] of blocks) held.put(step, block, values);
    const start = performance.now();
    this.#replicating = this.#beside(async () => {
      const bytes = await sendReplica(link, blocks, step, signal);
      return { kind: 'replicated', step, to: link.to, bytes, seconds: secondsSince(start) };
    });
  }

  /** Goes on beside the steps, and is told of when it is through. */
  #beside(work: () => Promise<StageReport>): Promise<void> {
    const { report, onFailure, signal } = this.#needs;
    return work()
      .then(report)
      .catch((error) => (signal.aborted ? undefined : onFailure(error)));
  }

  #gradientScale(plan: Plan): StageRuntimeNeeds['gradientScale'] {
    if (!clips(plan)) return undefined;
    const { clipNorm } = plan.optimizer.options as { clipNorm: number };
    return async (step, squaredNorms, signal) => {
      const { promise, resolve } = Promise.withResolvers<number>();
      this.#scales.set(step, resolve);
      try {
        await this.#needs.report({ kind: 'norms', step, squaredNorms });
        return clipFactor(clipNorm, await unlessAborted(promise, signal));
      } finally {
        this.#scales.delete(step);
      }
    };
  }

  #nextCommand(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}
