import type { DeviceCommand, DeviceReport, LinkSender, ReceivedTensor, Transport } from '../../broker/index.ts';
import { clipFactor } from '../../models/index.ts';
import { type Plan, parsePlan } from '../../planner/index.ts';
import { type Engine, type StageDescription, startWorkerEngine } from '../engine/index.ts';
import { BufferPool } from '../memory/index.ts';
import { stageCodecs } from '../runtime/codecs.ts';
import { Inbox } from '../runtime/inbox.ts';
import { runStep, type StageRuntimeNeeds, type StepOutcome } from '../runtime/stage-runtime.ts';
import { reportedError } from './errors.ts';
import { openLinks, type StageLinks } from './links.ts';
import {
  clips,
  learningRateOf,
  openSamples,
  type PlannedStage,
  plannedStage,
  samplesPerMicroBatch,
  specificationOf,
} from './plan-stage.ts';
import { captureState, receiveState, sendState } from './state-transfer.ts';
import { isSender, trafficOf, trafficSince, withLosses } from './traffic.ts';

export type PrepareCommand = Extract<DeviceCommand, { kind: 'prepare' }>;
type GrantCommand = Extract<DeviceCommand, { kind: 'grant' }>;

export interface BoardRunNeeds {
  readonly board: string;
  readonly hub: string;
  readonly transport: Transport;
  readonly threads: number;
  readonly report: (report: DeviceReport) => Promise<void>;
}

/** As many tensors as all links of a stage can have under way. */
const inboxCapacity = 32;

/** One board's part in one run: from `prepare` to `stop`. It reports what happens and never throws. */
export class BoardRun {
  readonly run: string;
  readonly term: number;
  readonly stage: number;
  readonly #needs: BoardRunNeeds;
  readonly #command: PrepareCommand;
  readonly #ending = new AbortController();
  readonly #inbox = new Inbox(inboxCapacity);
  readonly #memory = new BufferPool();
  readonly #captures = new Set<number>();
  readonly #scales = new Map<number, (squaredNorm: number) => void>();
  readonly #finished: Promise<void>;
  #grantedTo: number;
  #step: number;
  #wake: () => void = () => {};
  #engine: Engine | undefined;
  #links: StageLinks | undefined;
  #hubLink: LinkSender | undefined;
  #sending: Promise<void> = Promise.resolve();

  constructor(needs: BoardRunNeeds, command: PrepareCommand) {
    this.#needs = needs;
    this.#command = command;
    this.run = command.run;
    this.term = command.term;
    this.stage = command.stage;
    this.#step = command.fromStep;
    this.#grantedTo = command.fromStep;
    this.#finished = this.#live();
  }

  grant({ toStep, capture }: GrantCommand): void {
    this.#grantedTo = Math.max(this.#grantedTo, toStep);
    if (capture) this.#captures.add(toStep);
    this.#wake();
  }

  clip(step: number, squaredNorm: number): void {
    this.#scales.get(step)?.(squaredNorm);
  }

  /** Ends the run and frees everything; resolves when that is done. */
  async stop(reason: string): Promise<void> {
    this.#ending.abort(new Error(`the run was stopped: ${reason}`));
    this.#wake();
    await this.#finished;
  }

  async #live(): Promise<void> {
    try {
      const plan = parsePlan(this.#command.plan);
      const planned = plannedStage(plan, this.stage, this.#needs.board);
      await this.#train(planned, await this.#prepare(planned));
    } catch (error) {
      if (!this.#ending.signal.aborted) await this.#fail(error);
    } finally {
      await this.#release();
    }
  }

  async #prepare(planned: PlannedStage): Promise<StageRuntimeNeeds> {
    const start = performance.now();
    const { signal } = this.#ending;
    const { plan } = planned;
    const samples = planned.index === 0 ? await openSamples(plan, signal) : undefined;
    this.#engine = await startWorkerEngine(signal);
    const stage = await this.#engine.load(specificationOf(planned, this.#needs.threads), signal);
    if (this.#command.restore) {
      const { transport, hub } = this.#needs;
      await receiveState(transport, hub, this.#engine, planned, signal);
    }
    this.#links = await this.#openLinks(planned, stage);
    await this.#report({ kind: 'prepared', seconds: (performance.now() - start) / 1000 });
    return {
      engine: this.#engine,
      stage,
      instructions: planned.instructions,
      microBatches: plan.microBatches,
      samplesPerMicroBatch: samplesPerMicroBatch(plan),
      inbox: this.#inbox,
      codecs: stageCodecs(plan, this.stage),
      memory: this.#memory,
      samples,
      next: this.#links.next,
      previous: this.#links.previous,
      loss: this.#links.loss,
      learningRate: learningRateOf(plan),
      gradientScale: this.#gradientScale(plan),
    };
  }

  /** How long its links may be without a connection; as they have it by default where nobody said. */
  get #patience(): { readonly patienceMilliseconds?: number } {
    const { linkPatienceSeconds: seconds } = this.#command;
    return seconds === undefined ? {} : { patienceMilliseconds: 1000 * seconds };
  }

  #openLinks(planned: PlannedStage, stage: StageDescription): Promise<StageLinks> {
    const { transport } = this.#needs;
    const { signal } = this.#ending;
    const onTensor = (tensor: ReceivedTensor) => this.#inbox.put(tensor);
    const patience = this.#patience;
    return openLinks({ transport, planned, stage, memory: this.#memory, onTensor, signal, ...patience });
  }

  async #train(planned: PlannedStage, runtime: StageRuntimeNeeds): Promise<void> {
    const { signal } = this.#ending;
    // A link that breaks ends the step that is waiting for it.
    this.#links!.broken.catch((error) => this.#inbox.close(error));
    while (!signal.aborted) {
      if (this.#captures.delete(this.#step)) await this.#capture(planned, this.#step);
      else if (this.#step < this.#grantedTo) {
        await this.#timedStep(runtime);
        this.#step += 1;
      } else await Promise.race([this.#nextCommand(), this.#links!.broken]);
    }
  }

  async #timedStep(runtime: StageRuntimeNeeds): Promise<void> {
    const { all } = this.#links!;
    const before = trafficOf(all);
    const cpuBefore = process.cpuUsage();
    const start = performance.now();
    const stepped = runStep(runtime, this.#step, this.#ending.signal);
    const outcome: StepOutcome = await Promise.race([stepped, this.#links!.broken]);
    const wallSeconds = (performance.now() - start) / 1000;
    const { user, system } = process.cpuUsage(cpuBefore);
    await this.#report({
      kind: 'step',
      step: this.#step,
      loss: outcome.loss,
      samples: runtime.samplesPerMicroBatch * runtime.microBatches,
      computeSeconds: outcome.computeSeconds,
      overheadSeconds: Math.max(0, (user + system) / 1e6 - outcome.computeSeconds),
      waitSeconds: outcome.waitSeconds,
      wallSeconds,
      ...withLosses(trafficSince(before, trafficOf(all)), outcome.quantisation),
    });
  }

  /** Copies the state now, and sends the copy beside the next steps. */
  async #capture(planned: PlannedStage, step: number): Promise<void> {
    const state = await captureState(this.#engine!, planned);
    const { signal } = this.#ending;
    const { hub, transport } = this.#needs;
    const { run, term } = this;
    const to = { to: hub, url: this.#command.hubUrl, run, term, signal, ...this.#patience };
    this.#hubLink ??= await transport.openSender(to);
    const link = this.#hubLink;
    await this.#sending;
    this.#sending = sendState(link, state, step, signal)
      .then((sent) => this.#report({ kind: 'captured', step, ...sent }))
      .catch((error) => (signal.aborted ? undefined : this.#fail(error)));
  }

  #gradientScale(plan: Plan): StageRuntimeNeeds['gradientScale'] {
    if (!clips(plan)) return undefined;
    const { clipNorm } = plan.optimizer.options as { clipNorm: number };
    return async (step, squaredNorms, signal) => {
      const { promise, resolve, reject } = Promise.withResolvers<number>();
      // Awaited below; a run that ends while the norms are being told must not count as unhandled.
      promise.catch(() => {});
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      this.#scales.set(step, resolve);
      await this.#report({ kind: 'norms', step, squaredNorms });
      try {
        return clipFactor(clipNorm, await promise);
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

  async #fail(error: unknown): Promise<void> {
    this.#ending.abort(error);
    await this.#report({ kind: 'failed', step: this.#step, error: reportedError(error) });
  }

  async #release(): Promise<void> {
    this.#inbox.close(new Error('the run has ended'));
    await this.#sending;
    const links = [...(this.#links?.all ?? []), ...(this.#hubLink ? [this.#hubLink] : [])];
    // A sender takes its leave, which somebody who stands still does not answer: the next run need not wait for it. Its
    // receivers it does wait for, as they say where the next one is to begin.
    const [senders, receivers] = [links.filter(isSender), links.filter((link) => !isSender(link))];
    for (const sender of senders) sender.close().catch(() => {});
    await Promise.allSettled([...receivers.map((receiver) => receiver.close()), this.#engine?.dispose()]);
  }

  /** A report that cannot be sent is the broken connection's to tell, not the run's. */
  async #report(report: DistributiveOmit<DeviceReport, 'run' | 'term' | 'stage'>): Promise<void> {
    const { run, term, stage } = this;
    await this.#needs.report({ ...report, run, term, stage } as DeviceReport).catch(() => {});
  }
}

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;
