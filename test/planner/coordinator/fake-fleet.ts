import {
  createFleet,
  createMemoryNetwork,
  createMessenger,
  type DeviceCommand,
  type DeviceReport,
  type Identity,
  keyringOf,
  type LinkSender,
  type Messenger,
  silent,
  type Transport,
} from '../../../broker/index.ts';
import { defineRun } from '../../../planner/coordinator/define-run.ts';
import {
  type CheckpointState,
  type Clock,
  type Event,
  type RunNeeds,
  type RunResult,
  type RunSettings,
  runTraining,
  type StateTensor,
} from '../../../planner/coordinator/index.ts';
import {
  type BoardSurvey,
  formatSurvey,
  type Plan,
  parseWish,
  replicaStage,
  type SurveyWish,
} from '../../../planner/index.ts';

/** A small model of four blocks on two boards, four steps. */
export function someSettings(overrides: Partial<RunSettings> = {}): RunSettings {
  return {
    run: 'run-1',
    model: { name: 'mlp', classes: 2, inputShape: [4] },
    data: { name: 'shapes', options: {} },
    batch: 8,
    microBatches: 2,
    schedule: '1f1b',
    optimizer: { name: 'sgd', options: { momentum: 0.9 } },
    learningRate: { name: 'constant', options: { rate: 0.1 } },
    seed: 1,
    boards: 2,
    steps: 4,
    fromStep: 0,
    onLoss: 'stop',
    ...overrides,
  };
}

/** Time that goes on only when a test says so. */
export function virtualClock(): Clock & { advance(seconds: number): void } {
  let now = 1000;
  const waiting = new Set<{ readonly time: number; readonly finish: () => void }>();
  return {
    now: () => now,
    waitUntil(time, signal) {
      return new Promise((resolve) => {
        if (signal.aborted || time <= now) return resolve();
        const finish = (): void => {
          waiting.delete(waiter);
          signal.removeEventListener('abort', finish);
          resolve();
        };
        const waiter = { time, finish };
        waiting.add(waiter);
        signal.addEventListener('abort', finish, { once: true });
      });
    },
    advance(seconds) {
      now += seconds;
      for (const { time, finish } of [...waiting]) if (time <= now) finish();
    },
  };
}

/** Lets everything else have its turn until `holds` does; fails after many turns, without looking at a clock. */
export async function until(what: string, holds: () => boolean): Promise<void> {
  for (let turn = 0; turn < 200_000; turn += 1) {
    if (holds()) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
  throw new Error(`it never came to this: ${what}`);
}

/** What a scripted board does before it computes a step. */
export type Act =
  | 'compute'
  | 'fall-silent'
  | 'die'
  | 'give-nan-state'
  | { readonly code: string; readonly message: string };

type LinkReport = Extract<DeviceReport, { kind: 'step' }>['links'][number];

export type Script = {
  /** It is not there until the test has it `start`. */
  readonly comesLater?: boolean;
  readonly beforeStep?: (step: number) => Act;
  /** It stands still before a step until this resolves. */
  readonly waitBefore?: (step: number) => Promise<void> | undefined;
  readonly loss?: (step: number) => number | null;
  readonly prepares?: boolean;
  /** What it does about the next plan, which it makes ready beside training. */
  readonly onPropose?: () => 'get-ready' | 'fall-silent' | 'die' | { readonly code: string; readonly message: string };
  /** What it does when blocks change hands. */
  readonly onHandover?: () => 'hand-over' | 'fall-silent' | 'die';
  readonly clips?: boolean;
  readonly memoryBytes?: number;
  /** Whether its state comes to its neighbour. */
  readonly replicates?: boolean;
  /** Whether it answers `stop`. */
  readonly stops?: boolean;
  /** How long it is busy in a step with these blocks; always the same when absent. */
  readonly busySeconds?: (step: number, stage: Plan['stages'][number]) => number;
  /** What it says of its link to another board; it says nothing of links back where this is absent. */
  readonly links?: (step: number, to: string) => Partial<LinkReport>;
  /** What it measures; null where it cannot. */
  readonly surveys?: (wish: SurveyWish) => BoardSurvey | 'die' | 'fall-silent' | null;
};

/** What boards hold for each other, by board, and then by step and name of a tensor. */
type Stores = Map<string, Map<string, Float32Array>>;
const placeOf = (step: number, name: string): string => `${step} ${name}`;

type FakeBoardNeeds = {
  readonly identity: Identity;
  readonly messenger: Messenger;
  readonly transport: Transport;
  readonly settings: RunSettings;
  readonly script: Script;
  readonly dataUrl: string;
  readonly stores: Stores;
};

/** A board that computes nothing: its state is the number of steps it has done, added to what was restored. */
export class FakeBoard {
  readonly commands: DeviceCommand[] = [];
  readonly clipped: number[] = [];
  readonly #identity: Identity;
  readonly #messenger: Messenger;
  readonly #transport: Transport;
  #script: Script;
  readonly #settings: RunSettings;
  readonly #dataUrl: string;
  readonly #restored = new Map<string, Float32Array>();
  readonly #stores: Stores;
  readonly #captures = new Map<number, Extract<DeviceCommand, { kind: 'grant' }>>();
  #plan: Plan | undefined;
  #stage = 0;
  #next: Extract<DeviceCommand, { kind: 'propose' }> | undefined;
  #changesAt: number | undefined;
  #hubUrl = '';
  #step = 0;
  #granted = 0;
  #working = false;
  #broken = false;
  #dead = false;
  #link: LinkSender | undefined;
  #onClip: (squaredNorm: number) => void = () => {};

  constructor({ identity, messenger, transport, settings, script, dataUrl, stores }: FakeBoardNeeds) {
    this.#identity = identity;
    this.#messenger = messenger;
    this.#transport = transport;
    this.#settings = settings;
    this.#script = script;
    this.#dataUrl = dataUrl;
    this.#stores = stores;
  }

  get id(): string {
    return this.#identity.id;
  }

  async start(): Promise<void> {
    const params = { id: this.id };
    await this.#messenger.subscribe('deviceCommand', params, ({ message }) => {
      // What is under way when the rig is closed is nobody's concern; a board that fails otherwise leaves its run waiting.
      this.#obey(message).catch(() => {});
    });
    await this.#announce(1);
  }

  /** As if its process was started again. */
  async comeBack(): Promise<void> {
    this.#dead = false;
    this.#giveUp();
    this.#plan = undefined;
    this.#script = {};
    this.#stores.delete(this.id);
    await this.#announce(2);
  }

  async beat(): Promise<void> {
    await this.#messenger.publish('deviceHeartbeat', { id: this.id }, { kind: 'beat', board: this.id });
  }

  async #announce(pid: number): Promise<void> {
    const params = { id: this.id };
    const { memoryBytes = 4e9 } = this.#script;
    const profile = { model: 'test', cores: 2, memoryBytes, platform: 'test' };
    await this.#messenger.publish('deviceProfile', params, { kind: 'profile', board: this.id, ...profile });
    await this.#messenger.publish('deviceState', params, {
      kind: 'online',
      board: this.id,
      dataUrl: this.#dataUrl,
      engine: { name: 'null', version: '0' },
      cores: 2,
      memoryBytes,
      pid,
    });
  }

  /** What the broker would publish when its process dies. */
  async die(): Promise<void> {
    this.#broken = true;
    this.#dead = true;
    this.#stores.delete(this.id);
    await this.#messenger.publish('deviceState', { id: this.id }, { kind: 'lost', board: this.id });
  }

  async report(report: DeviceReport): Promise<void> {
    await this.#messenger.publish('deviceReport', { id: this.id }, report);
  }

  /** What every report begins with. */
  get place() {
    return { run: this.#settings.run, term: this.#plan?.term ?? 1, stage: this.#stage };
  }

  async #obey(command: DeviceCommand): Promise<void> {
    this.commands.push(command);
    if (this.#dead) return;
    switch (command.kind) {
      case 'survey': {
        const survey = this.#script.surveys?.(parseWish(command.wish)) ?? null;
        if (survey === 'die') return this.die();
        if (survey === 'fall-silent') return;
        const { run, term, round } = command;
        const answer = { kind: 'surveyed', run, term, round } as const;
        await this.report(
          survey === null
            ? { ...answer, survey, problem: 'it has no thermometer' }
            : { ...answer, survey: formatSurvey(survey) },
        );
        break;
      }
      case 'prepare':
        // What it holds is for everybody to take.
        if (command.stage === null) break;
        // As a real board, it gives up the stage of an older term.
        this.#giveUp();
        this.#broken = false;
        this.#next = undefined;
        this.#changesAt = undefined;
        this.#plan = command.plan as unknown as Plan;
        this.#stage = command.stage;
        this.#hubUrl = command.hubUrl;
        this.#step = command.fromStep;
        this.#granted = command.fromStep;
        await this.#receiveState(command);
        if (this.#script.prepares !== false) await this.report({ kind: 'prepared', ...this.place, seconds: 0 });
        break;
      case 'propose':
        this.#next = command;
        await this.#getReady(command);
        break;
      case 'commit':
        this.#changesAt = command.step;
        if (this.#plan === undefined) await this.#change();
        else await this.#work().catch(() => {});
        break;
      case 'grant':
        this.#granted = Math.max(this.#granted, command.toStep);
        if (command.capture || command.replicate) this.#captures.set(command.toStep, command);
        // A link that is closed while state goes up ends the work, as a real board's would.
        await this.#work().catch(() => {});
        break;
      case 'encode':
        break;
      case 'forget':
        for (const place of this.#held(this.id).keys()) {
          if (command.but === null || !place.startsWith(placeOf(command.but, ''))) this.#held(this.id).delete(place);
        }
        break;
      case 'clip':
        this.clipped.push(command.squaredNorm);
        this.#onClip(command.squaredNorm);
        break;
      case 'stop':
        if (command.term === this.#next?.term) this.#next = undefined;
        if (command.term !== this.#plan?.term) break;
        this.#giveUp();
        if (this.#script.stops !== false) await this.report({ kind: 'stopped', ...this.place });
        break;
      default:
        command satisfies never;
    }
  }

  async #getReady({ run, term, stage }: Extract<DeviceCommand, { kind: 'propose' }>): Promise<void> {
    const act = this.#script.onPropose?.() ?? 'get-ready';
    if (act === 'die') return this.die();
    if (act === 'fall-silent') return;
    if (act === 'get-ready') return this.report({ kind: 'ready', run, term, seconds: 0, linkSeconds: 0 });
    await this.report({ kind: 'failed', run, term, stage: stage ?? this.#stage, step: 0, error: act });
  }

  /** Its blocks are now those of the next plan, with no state of others: fakes that were restored are not moved. */
  async #change(): Promise<void> {
    const { run, term, plan, stage, hubUrl } = this.#next!;
    const act = this.#script.onHandover?.() ?? 'hand-over';
    if (act === 'die') return this.die();
    this.#giveUp();
    if (act === 'fall-silent') return;
    this.#broken = false;
    this.#step = this.#granted = this.#changesAt!;
    this.#plan = stage === null ? undefined : (plan as unknown as Plan);
    this.#stage = stage ?? 0;
    this.#hubUrl = hubUrl;
    this.#next = undefined;
    this.#changesAt = undefined;
    await this.report({ kind: 'moved', run, term, seconds: 0, bytes: 4 });
  }

  #giveUp(): void {
    this.#broken = true;
    this.#working = false;
    this.#captures.clear();
    this.#link?.close();
    this.#link = undefined;
  }

  async #work(): Promise<void> {
    if (this.#working) return;
    this.#working = true;
    const plan = this.#plan;
    while (!this.#broken && this.#plan === plan) {
      const wanted = this.#captures.get(this.#step);
      if (wanted !== undefined) await this.#capture(wanted);
      else if (this.#step === this.#changesAt) await this.#change();
      else if (this.#step < this.#granted) await this.#doStep(this.#step);
      else break;
    }
    if (this.#plan === plan) this.#working = false;
  }

  async #doStep(step: number): Promise<void> {
    const plan = this.#plan;
    await this.#script.waitBefore?.(step);
    if (this.#broken || this.#plan !== plan) return;
    const act = this.#script.beforeStep?.(step) ?? 'compute';
    if (act === 'die') return this.die();
    if (act === 'fall-silent') {
      this.#broken = true;
      return;
    }
    if (typeof act === 'object') {
      this.#broken = true;
      return this.report({ kind: 'failed', ...this.place, step, error: act });
    }
    if (this.#script.clips) {
      const told = new Promise<number>((resolve) => {
        this.#onClip = resolve;
      });
      await this.report({ kind: 'norms', ...this.place, step, squaredNorms: [this.#stage + 1, 0.5] });
      await told;
    }
    this.#step = step + 1;
    const isLast = this.#stage === this.#plan!.stages.length - 1;
    const loss = isLast ? (this.#script.loss ?? lossOf)(step) : null;
    const wallSeconds = 0.5 + (this.#script.busySeconds?.(step, plan!.stages[this.#stage]!) ?? 3.5);
    const seconds = { computeSeconds: 3, overheadSeconds: 0.25, waitSeconds: 0.5, wallSeconds };
    const [before, behind] = [-1, 1].map((way) => plan!.stages[this.#stage + way]?.board);
    const neighbours = this.#script.links === undefined ? [behind] : [before, behind];
    const links = neighbours
      .filter((to) => to !== undefined)
      .map((to) => ({ to, bytes: 90, ...this.#script.links?.(step, to) }));
    const traffic = { bytesSent: 100, bytesReceived: 10, links };
    await this.report({ kind: 'step', ...this.place, step, loss, samples: 8, ...seconds, ...traffic });
  }

  get #blocks() {
    const { layout } = defineRun(this.#settings);
    const { firstBlock, lastBlock } = this.#plan!.stages[this.#stage]!;
    return layout.map((tensors, block) => ({ block, tensors })).slice(firstBlock, lastBlock + 1);
  }

  /** By name, what there is of its blocks. */
  #state(step: number): ReadonlyMap<string, Float32Array> {
    const state = new Map<string, Float32Array>();
    for (const { name, shape } of this.#blocks.flatMap(({ tensors }) => tensors)) {
      const data = new Float32Array(shape.reduce((product, size) => product * size, 1)).fill(step);
      const restored = this.#restored.get(name);
      if (restored !== undefined) for (const [at, value] of restored.entries()) data[at]! += value;
      state.set(name, data);
    }
    return state;
  }

  async #capture({ toStep: step, capture, replicate }: Extract<DeviceCommand, { kind: 'grant' }>): Promise<void> {
    this.#captures.delete(step);
    const state = this.#state(step);
    if (replicate) await this.#replicate(step, state);
    if (capture) await this.#sendState(step, state);
  }

  #held(board: string): Map<string, Float32Array> {
    const held = this.#stores.get(board) ?? new Map<string, Float32Array>();
    this.#stores.set(board, held);
    return held;
  }

  async #replicate(step: number, state: ReadonlyMap<string, Float32Array>): Promise<void> {
    const { stages } = this.#plan!;
    const to = stages[replicaStage(this.#stage, stages.length)!]!.board;
    for (const board of [this.id, to])
      for (const [name, data] of state) this.#held(board).set(placeOf(step, name), data);
    if (this.#script.replicates === false) return;
    await this.report({ kind: 'replicated', ...this.place, step, to, bytes: 0, seconds: 0 });
  }

  async #sendState(step: number, state: ReadonlyMap<string, Float32Array>): Promise<void> {
    const { run, term } = this.place;
    this.#link ??= await this.#transport.openSender({ to: 'hub', url: this.#hubUrl, run, term });
    let tensors = 0;
    for (const { block, tensors: layout } of this.#blocks) {
      for (const [slot, { name, shape }] of layout.entries()) {
        const data = state.get(name)!;
        if (this.#script.beforeStep?.(step) === 'give-nan-state') data[0] = Number.NaN;
        const meta = { kind: 'state-up', step, microBatch: block, slot, name, dtype: 'float32', shape } as const;
        await this.#link.send(meta, data);
        tensors += 1;
      }
    }
    await this.report({ kind: 'captured', ...this.place, step, tensors, bytes: 0 });
  }

  async #receiveState({ sources, fromStep }: Extract<DeviceCommand, { kind: 'prepare' }>): Promise<void> {
    const { run, term } = this.place;
    const missing = new Set<string>();
    for (const { block, tensors } of sources.length === 0 ? [] : this.#blocks) {
      const source = sources[block]!;
      for (const { name } of tensors) {
        if (source === null) missing.add(name);
        else this.#restored.set(name, this.#held(source).get(placeOf(fromStep, name))!);
      }
    }
    if (missing.size === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const receiver = await this.#transport.openReceiver({
      from: 'hub',
      run,
      term,
      maxTensorBytes: 2 ** 24,
      onTensor: ({ meta, payload, release }) => {
        this.#restored.set(meta.name, new Float32Array(payload.slice().buffer));
        release();
        missing.delete(meta.name);
        if (missing.size === 0) resolve();
      },
    });
    await promise;
    await receiver.close();
  }
}

export const lossOf = (step: number): number => 1 / (step + 1);

export type Rig = {
  readonly boards: readonly FakeBoard[];
  readonly clock: ReturnType<typeof virtualClock>;
  readonly events: Event[];
  readonly checkpoints: { readonly state: CheckpointState; readonly tensors: readonly StateTensor[] }[];
  /** The messenger of any board, for messages that no script sends. */
  messengerOf(board: string): Messenger;
  readonly needs: RunNeeds;
  run(overrides?: Partial<RunNeeds>, signal?: AbortSignal): Promise<RunResult>;
};

/** A hub and boards pi-1, pi-2 … in one process; each board follows its script. */
export async function createRig(settings: RunSettings, scripts: readonly Script[] = [{}, {}]): Promise<Rig> {
  const ids = scripts.map((_, at) => `pi-${at + 1}`);
  const { fleet, identities } = createFleet({ name: 'lab', boards: ids });
  const keyring = keyringOf(fleet);
  const network = createMemoryNetwork();
  const identityOf = (id: string): Identity => identities.get(id)!;
  const messengerOf = (id: string): Messenger =>
    createMessenger({ channel: network.channelOf('hub'), identity: identityOf(id), keyring, log: silent });
  const transportOf = (id: string): Transport => network.transport({ identity: identityOf(id), keyring });
  const dataUrl = 'mqtt://127.0.0.9:1';
  const stores: Stores = new Map();
  const boards = ids.map((id, at) => {
    const script = scripts[at]!;
    const transport = transportOf(id);
    return new FakeBoard({
      identity: identityOf(id),
      messenger: messengerOf(id),
      transport,
      settings,
      script,
      dataUrl,
      stores,
    });
  });
  for (const [at, board] of boards.entries()) if (!scripts[at]!.comesLater) await board.start();
  const clock = virtualClock();
  const events: Event[] = [];
  const checkpoints: { state: CheckpointState; tensors: readonly StateTensor[] }[] = [];
  const needs: RunNeeds = {
    messenger: messengerOf('hub'),
    transport: transportOf('hub'),
    hubUrl: 'mqtt://127.0.0.1:1883',
    clock,
    onEvent: (event) => events.push(event),
    checkpoints: {
      async write(state, tensors) {
        checkpoints.push({ state, tensors });
        return `checkpoint-${state.step}`;
      },
    },
  };
  return {
    boards,
    clock,
    events,
    checkpoints,
    messengerOf,
    needs,
    run: (overrides, signal) => runTraining({ ...needs, ...overrides }, settings, signal),
  };
}
