import {
  type DeviceCommand,
  type DeviceReport,
  type LinkSender,
  type ReceivedTensor,
  type Transport,
  unlessAborted,
} from '../../broker/index.ts';
import { type Plan, parsePlan, type Restoring, replicaStage } from '../../planner/index.ts';
import { type Engine, EngineError } from '../engine/index.ts';
import { BufferPool } from '../memory/index.ts';
import { Inbox } from '../runtime/inbox.ts';
import type { EngineShelf } from './engine-shelf.ts';
import { reportedError } from './errors.ts';
import { type Handover, handoverOf } from './handover.ts';
import type { HeldState } from './held-state.ts';
import { Arrivals, type LinkEnd, LinkEnds } from './link-ends.ts';
import { openLinks, type StageLinks } from './links.ts';
import { keepBlocks, type LoadedStage, loadStage, warmUp } from './loaded-stage.ts';
import { isSameStage, type PlannedStage, plannedStage } from './plan-stage.ts';
import { gatherState, giveHeld, restoringFor } from './restoring.ts';
import type { SampleShelf } from './sample-shelf.ts';
import { secondsSince } from './seconds-since.ts';
import type { StageNews } from './stage-notice.ts';
import { StateIntake, sendBlocks } from './state-transfer.ts';
import { type StageReport, Training } from './training.ts';

type PrepareCommand = Extract<DeviceCommand, { kind: 'prepare' }> & { readonly stage: number };
type ProposeCommand = Extract<DeviceCommand, { kind: 'propose' }> & { readonly stage: number };

export interface BoardRunNeeds {
  readonly board: string;
  readonly hub: string;
  readonly transport: Transport;
  readonly threads: number;
  readonly engines: EngineShelf;
  readonly samples: SampleShelf;
  /** State for the loss of others. */
  readonly held: HeldState;
  readonly report: (report: DeviceReport) => Promise<void>;
  /** Told when the board begins to prepare a stage where it holds none, when it trains one, and when it holds none any more. */
  readonly notice: (news: StageNews) => void;
}

/** What one part gives to its successor: its stage, and the ends of its links. */
export interface Handed {
  readonly stage: LoadedStage;
  readonly ends: readonly LinkEnd[];
}

/** As many tensors as all links of a stage can have under way. */
const inboxCapacity = 32;

/**
 * One board's part in one plan of a run: from `prepare`, or from `propose` beside the part in the plan before, to `stop` or
 * to its successor in the next plan. It reports what happens and never throws.
 */
export class BoardRun {
  readonly run: string;
  readonly term: number;
  readonly stage: number;
  /** Resolves when it has freed or given away everything. */
  readonly finished: Promise<void>;
  readonly #needs: BoardRunNeeds;
  readonly #command: PrepareCommand | ProposeCommand;
  readonly #ending = new AbortController();
  readonly #inbox = new Inbox(inboxCapacity);
  readonly #memory: BufferPool;
  readonly #arrivals: Arrivals;
  readonly #ends = new LinkEnds();
  readonly #training: Training;
  readonly #committed = Promise.withResolvers<number>();
  readonly #handed = Promise.withResolvers<Handed>();
  #isCommitted = false;
  /** Its part in the plan before, until it has taken that one's place. */
  #former: BoardRun | undefined;
  /** Of its own, from when it is being loaded until it is given away. */
  #engine: Engine | undefined;
  #isEngineSound = false;
  #loaded: LoadedStage | undefined;
  #intake: StateIntake | undefined;
  /** Of its plan. */
  #stages: Plan['stages'] = [];
  #links: StageLinks | undefined;
  /** What the part before had loaded and nobody needs any more. */
  #disposing: Promise<unknown> | undefined;

  constructor(needs: BoardRunNeeds, command: PrepareCommand | ProposeCommand, former?: BoardRun) {
    this.#needs = needs;
    this.#command = command;
    this.#former = former;
    this.run = command.run;
    this.term = command.term;
    this.stage = command.stage;
    // What arrives over links that stand goes through the hands of the part before.
    this.#memory = former === undefined ? new BufferPool() : former.#memory;
    this.#arrivals = former === undefined ? new Arrivals() : former.#arrivals;
    this.#arrivals.expect(this.term, (tensor) => this.#receive(tensor));
    this.#training = new Training({
      inbox: this.#inbox,
      memory: this.#memory,
      held: needs.held,
      openHubLink: () => this.#openHubLink(),
      report: (report) => this.#report(report),
      onFailure: (error) => this.#fail(error),
      signal: this.#ending.signal,
    });
    for (const { promise } of [this.#committed, this.#handed]) promise.catch(() => {});
    this.finished = this.#live();
  }

  get loaded(): LoadedStage | undefined {
    return this.#loaded;
  }

  /** Over which it trains. */
  get links(): readonly LinkEnd[] {
    return this.#links?.all ?? [];
  }

  /** Processors that the board used on average over its last step; undefined before the first. */
  get usedCores(): number | undefined {
    return this.#training.usedCores;
  }

  /** It was stopped, or has failed. */
  get hasEnded(): boolean {
    return this.#ending.signal.aborted;
  }

  /** It is made ready for a plan that may never come. */
  get isBeside(): boolean {
    return this.#command.kind === 'propose' && !this.#isCommitted;
  }

  grant(command: Extract<DeviceCommand, { kind: 'grant' }>): void {
    this.#training.grant(command);
  }

  /** Links encode in this way from the next step on; their other ends see it in each frame. */
  encode({ codecs }: Extract<DeviceCommand, { kind: 'encode' }>): void {
    try {
      this.#training.encode(parsePlan({ ...this.#command.plan, codecs }), this.stage);
    } catch (error) {
      void this.#fail(error);
    }
  }

  clip(step: number, squaredNorm: number): void {
    this.#training.clip(step, squaredNorm);
  }

  /** The plan before is over once the steps before `step` are done; this one begins with it. */
  commit(step: number): void {
    this.#isCommitted = true;
    this.#committed.resolve(step);
  }

  /** Ends after the steps before `step`, and gives its stage and its links to its successor. */
  handOver(step: number): Promise<Handed> {
    this.#training.endWith(step);
    return this.#handed.promise;
  }

  /** Ends the run and frees everything; resolves when that is done. */
  async stop(reason: string): Promise<void> {
    const error = new Error(`the run was stopped: ${reason}`);
    this.#ending.abort(error);
    this.#committed.reject(error);
    if (this.#isCommitted) await this.#former?.stop(reason);
    await this.finished;
  }

  /** Once it was stopped: resolves when it has no links, and will have none. Its engine may come to an end later. */
  async unlink(): Promise<void> {
    await this.#ends.close();
  }

  async #live(): Promise<void> {
    const command = this.#command;
    try {
      const planned = plannedStage(parsePlan(command.plan), this.stage, this.#needs.board);
      this.#stages = planned.plan.stages;
      if (this.#former === undefined) this.#notice('preparing', planned);
      if (command.kind === 'prepare') await this.#prepare(planned, command);
      else await this.#follow(planned, command);
      this.#notice('training', planned);
      await this.#training.train(this.#loaded!, this.#links!);
      if (!this.hasEnded) await this.#giveAway();
    } catch (error) {
      // Where the part before has failed, that one has said so.
      if (!this.hasEnded && !this.#former?.hasEnded) await this.#fail(error);
    } finally {
      await this.#release();
    }
  }

  async #prepare(planned: PlannedStage, command: PrepareCommand): Promise<void> {
    const start = performance.now();
    const { fromStep } = command;
    this.#training.beginWith(fromStep);
    const restoring = restoringFor(planned.plan, command, this.#needs.board);
    const { own, fromHub, gets } = restoring;
    const restored = [...own, ...fromHub, ...gets];
    // All blocks that have a state are restored, or none is.
    const loaded = await this.#load(planned, restored.length > 0);
    this.#intake = new StateIntake(loaded.description, restored);
    const links = await this.#openLinks(loaded, restoring);
    await this.#restore(loaded, links, restoring, fromStep);
    this.#intake = undefined;
    this.#loaded = loaded;
    this.#links = links;
    await this.#report({ kind: 'prepared', seconds: secondsSince(start) });
  }

  /** Gets the state of its blocks from whoever holds it, and gives others what it holds of theirs. */
  async #restore(
    { engine, planned }: LoadedStage,
    links: StageLinks,
    restoring: Restoring,
    step: number,
  ): Promise<void> {
    const { signal } = this.#ending;
    const needs = { ...this.#needs, step, signal };
    const take = () => this.#intake!.giveTo(engine, signal);
    const exchange = Promise.all([
      giveHeld(restoring, links.senderTo, needs),
      gatherState(planned.plan, restoring, this.#intake!, take, needs),
    ]);
    await unlessAborted(exchange, links.broken);
    await this.#ends.close(links.passing);
  }

  /** Makes its stage and its links ready beside the part before, and takes that one's place at a step. */
  async #follow(planned: PlannedStage, command: ProposeCommand): Promise<void> {
    const start = performance.now();
    const { board, report } = this.#needs;
    const { run, term } = this;
    const handover = handoverOf(parsePlan(command.before), planned.plan, board);
    const standing = this.#former?.loaded;
    const isSame = standing !== undefined && isSameStage(standing.planned, planned);
    const built = isSame ? undefined : await this.#load(planned, true, standing);
    if (built !== undefined) {
      await warmUp(built);
      this.#intake = new StateIntake(built.description, handover.gets);
    }
    const own = { ...(built ?? standing!), planned };
    const beforeLinks = performance.now();
    const links = await this.#openLinks(own, handover);
    await report({ kind: 'ready', run, term, seconds: secondsSince(start), linkSeconds: secondsSince(beforeLinks) });
    const step = await unlessAborted(this.#committed.promise, links.broken);
    this.#training.beginWith(step);
    const former = await this.#former?.handOver(step);
    const begun = performance.now();
    await this.#takeOver(own, links, former, handover, step);
    await report({ kind: 'moved', run, term, seconds: secondsSince(begun), bytes: this.#intake?.bytes ?? 0 });
    this.#intake = undefined;
    this.#former = undefined;
  }

  /** Gets the state of its blocks, from its own engine of before and from other boards, and gives them theirs. */
  async #takeOver(
    own: LoadedStage,
    links: StageLinks,
    former: Handed | undefined,
    { gives }: Handover,
    step: number,
  ): Promise<void> {
    const { signal } = this.#ending;
    const before = former?.stage;
    this.#engine = own.engine;
    this.#isEngineSound = true;
    this.#loaded = own;
    this.#links = links;
    const isAnother = before !== undefined && before.engine !== own.engine;
    const closing = this.#ends.takeOver(former?.ends ?? [], [...links.all, ...links.passing]);
    for (const end of [...links.all, ...links.passing]) end.setTerm(this.term);
    const exchange = async () => {
      const giving = [...gives].map(([to, blocks]) => {
        return sendBlocks(links.senderTo(to), before!.engine, blocks, step, signal);
      });
      // Others wait for what is sent, so it is copied before what stays here.
      const sent = Promise.all(giving).then((sendings) => Promise.all(sendings.map(({ arrived }) => arrived)));
      const kept = Promise.allSettled(giving).then(() => (isAnother ? keepBlocks(before, own) : undefined));
      await Promise.all([sent, kept, this.#intake?.giveTo(own.engine, signal), closing]);
    };
    try {
      await unlessAborted(exchange(), links.broken);
    } finally {
      // Beside the steps that follow.
      const disposing = isAnother ? this.#needs.engines.giveBack(before.engine) : undefined;
      this.#disposing = Promise.allSettled([disposing, this.#ends.close(links.passing)]);
    }
  }

  /** Its links stand: whoever comes after it uses them, and closes the others. */
  async #giveAway(): Promise<void> {
    const hubLink = await this.#training.settled();
    hubLink?.close().catch(() => {});
    this.#engine = undefined;
    this.#handed.resolve({ stage: this.#loaded!, ends: this.#ends.giveAway() });
  }

  async #load(planned: PlannedStage, isBlank: boolean, standing?: LoadedStage): Promise<LoadedStage> {
    const { threads, engines, samples } = this.#needs;
    const loaded = await loadStage(planned, {
      threads,
      engines,
      samples,
      isBlank,
      beside: standing && { usedCores: this.#former?.usedCores },
      onEngine: (engine) => {
        this.#engine = engine;
      },
      signal: this.#ending.signal,
    });
    this.#isEngineSound = true;
    return loaded;
  }

  async #openLinks(
    { planned, description }: LoadedStage,
    handover: Pick<Handover, 'givers' | 'gives'>,
  ): Promise<StageLinks> {
    const { signal } = this.#ending;
    signal.throwIfAborted();
    const largestBytes = this.#intake?.largestBytes ?? 0;
    return openLinks({
      transport: this.#needs.transport,
      planned,
      stage: description,
      memory: this.#memory,
      onTensor: (tensor) => this.#arrivals.take(tensor),
      ends: this.#ends,
      standing: this.#former?.links ?? [],
      signal,
      handover: { givers: handover.givers, takers: [...handover.gives.keys()], largestBytes },
      ...patienceOf(this.#command),
    });
  }

  #receive(tensor: ReceivedTensor): void {
    const { kind } = tensor.meta;
    if (kind === 'state-down' && this.#intake !== undefined) this.#intake.take(tensor);
    else if (kind === 'state-replica') this.#keepReplica(tensor);
    else this.#inbox.put(tensor);
  }

  #keepReplica(tensor: ReceivedTensor): void {
    const { stateBytes } = this.#command;
    const from = this.#stages.find(({ board }) => board === tensor.meta.from);
    const isKept = from !== undefined && replicaStage(from.stage, this.#stages.length) === this.stage;
    try {
      this.#needs.held.take(tensor, { ...(isKept ? from : { firstBlock: 0, lastBlock: -1 }), stateBytes });
    } catch (error) {
      void this.#fail(error);
    }
  }

  #openHubLink(): Promise<LinkSender> {
    const { run, term } = this;
    const { hub, transport } = this.#needs;
    const { hubUrl: url } = this.#command;
    return transport.openSender({
      to: hub,
      url,
      run,
      term,
      signal: this.#ending.signal,
      ...patienceOf(this.#command),
    });
  }

  async #fail(error: unknown): Promise<void> {
    // A link that is lost is no fault of the engine's.
    if (error instanceof EngineError) this.#isEngineSound = false;
    this.#ending.abort(error);
    await this.#report({ kind: 'failed', step: this.#training.step, error: reportedError(error) });
  }

  async #release(): Promise<void> {
    const over = new Error('the run has ended');
    this.#handed.reject(over);
    this.#inbox.close(over);
    this.#arrivals.forget(this.term);
    if (this.#loaded?.samples !== undefined) this.#needs.samples.release(this.#loaded.samples);
    await Promise.allSettled([this.#closeLinks(), this.#freeEngine(), this.#disposing]);
  }

  /** One that is still loading, or with which something was wrong, is of no use to others. */
  async #freeEngine(): Promise<void> {
    const engine = this.#engine;
    if (engine === undefined) return;
    await (this.#isEngineSound ? this.#needs.engines.giveBack(engine) : engine.dispose());
  }

  async #closeLinks(): Promise<void> {
    const hubLink = await this.#training.settled();
    hubLink?.close().catch(() => {});
    await this.#ends.close();
  }

  #notice(kind: 'preparing' | 'training', { own }: PlannedStage): void {
    const { run, term, stage } = this;
    const { firstBlock, lastBlock } = own;
    this.#needs.notice({ kind, run, term, stage, firstBlock, lastBlock });
  }

  /** A report that cannot be sent is the broken connection's to tell, not the run's. */
  async #report(report: StageReport): Promise<void> {
    const { run, term, stage } = this;
    await this.#needs.report({ ...report, run, term, stage } as DeviceReport).catch(() => {});
  }
}

/** How long its links may be without a connection; as they have it by default where nobody said. */
export function patienceOf({ linkPatienceSeconds: seconds }: { readonly linkPatienceSeconds?: number }) {
  return seconds === undefined ? {} : { patienceMilliseconds: 1000 * seconds };
}
