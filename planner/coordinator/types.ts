import type { Log, Messenger, Transport } from '../../broker/index.ts';
import type { Cuts } from '../../models/index.ts';
import type { Choice, CodecWish, FittedModel, Plan, ScheduleWish } from '../index.ts';
import type { Clock } from './clock.ts';
import type { Event } from './events.ts';

/** A parameter, or a tensor of optimizer state (`optimizer.SLOT.PARAMETER`), as boards and checkpoints name it. */
export type StateTensor = {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array<ArrayBuffer>;
};

/** What a run is asked to do. */
export type RunSettings = {
  /** Id of the run: lower-case letters, digits and inner dashes. */
  readonly run: string;
  /** Number of the first plan; above that of any earlier plan of this run, so a resumed run counts on. 1 where absent. */
  readonly term?: number;
  readonly model: {
    readonly name: string;
    readonly classes: number;
    readonly inputShape: readonly number[];
    /** Which cuts make the blocks that are shared out; 'single' where absent. */
    readonly cuts?: Cuts;
  };
  /** What stage 0 reads its samples from and the last stage its labels. */
  readonly data: Choice;
  /** Samples of one step; divides by `microBatches`. */
  readonly batch: number;
  readonly microBatches: number;
  readonly schedule: ScheduleWish;
  /** A name and options of `createOptimizer` in models; `options.clipNorm` makes boards exchange gradient norms. */
  readonly optimizer: { readonly name: string; readonly options: Readonly<Record<string, number>> };
  readonly learningRate: Choice;
  readonly seed: number;
  /** How links encode, from step `warmUpSteps` on; as it is where absent. */
  readonly codecs?: CodecWish & { readonly warmUpSteps: number };
  /** How many boards, chosen among those online; or which, in the order of the pipeline. */
  readonly boards: number | readonly string[];
  /** Of these, those that come later: the run does not wait for them, and looks at them when they are there. */
  readonly comesLater?: readonly string[];
  /** Where each board's run of blocks ends, in the order of the pipeline; the partition chooses when absent. */
  readonly split?: readonly number[];
  /** `free`: boards that are named may take any place in the pipeline, or none where the step is shorter without them. */
  readonly arrangement?: 'given' | 'free';
  /** The plan is changed in the middle of the run where boards become faster or slower. */
  readonly adapts?: boolean;
  /** Tells boards' times; they are taken from flops where it is absent. */
  readonly predictor?: FittedModel;
  /** Seconds that each board measures itself for before the plan is made; 0 or absent: it does not. */
  readonly surveySeconds?: number;
  /** The run ends when this many steps are done, those before `fromStep` included. */
  readonly steps: number;
  /** Steps that were done before: 0, or a checkpoint's step. */
  readonly fromStep: number;
  /** The state to start from: every tensor of the model and its optimizer, by name. Absent: boards initialise by the seed. */
  readonly restore?: ReadonlyMap<string, Omit<StateTensor, 'name'>>;
  /**
   * A checkpoint at every multiple of it (of 2 where it is 1, as the step after it shows whether a state is sound); 0 or
   * absent: only at the end (and when interrupted).
   */
  readonly checkpointEverySteps?: number;
  /**
   * Boards hold each other's state of a step in memory, and take a newer one after so many steps; `auto` lets what it takes
   * decide. The hub does it for a run on one board, and where boards have no room for it. 0 or absent: nobody does.
   */
  readonly replicateEverySteps?: number | 'auto';
  /** The same of the hub's memory beside the boards'. Absent: only what becomes a checkpoint. */
  readonly captureEverySteps?: number | 'auto';
  /** What is done where a board is lost: `recover`, which goes on from the newest state held, when absent. */
  readonly onLoss?: 'stop' | 'recover';
  /** Nobody is there to bring back boards that do not come online at the start: the run goes on with those that do. */
  readonly unattended?: boolean;
  readonly deadlines?: Partial<Deadlines>;
};

/** How long the hub waits for what, in seconds. */
export type Deadlines = {
  /** For the boards wanted to be online. */
  readonly boardsOnline: number;
  /** For a board that was lost while boards measured themselves, once the others are through. */
  readonly boardsReturned: number;
  /** For boards to have measured themselves. */
  readonly surveyed: number;
  /** For boards to load their stage and, when resuming, to take the state. */
  readonly prepared: number;
  /** Without a step, a norm or a captured tensor from anybody. */
  readonly silence: number;
  /** A lost link's neighbours speak first: so long for what caused it. */
  readonly cause: number;
  /** For boards to say that they have stopped, and for the last words of a lost one. */
  readonly stop: number;
  /** A link without a connection, or whose receiver says nothing. */
  readonly link: number;
  /** Between two heartbeats of a board. */
  readonly heartbeat: number;
  /** For boards to come back to a run that has too few of them. */
  readonly boardsBack: number;
};

export const defaultDeadlines: Deadlines = {
  boardsOnline: 30,
  boardsReturned: 10,
  surveyed: 120,
  prepared: 120,
  silence: 120,
  cause: 1.5,
  stop: 2,
  link: 30,
  heartbeat: 4,
  boardsBack: 86_400,
};

/** What a checkpoint says beside its tensors. */
export type CheckpointState = {
  readonly run: string;
  readonly term: number;
  readonly plan: Plan;
  /** Steps done; training goes on with this one. */
  readonly step: number;
  readonly fromStep: number;
  /** Of steps `fromStep` to `step - 1`. */
  readonly losses: readonly number[];
};

/** Where checkpoints go. `write` is atomic and gives the path; what it throws ends the run. */
export type CheckpointStore = {
  write(state: CheckpointState, tensors: readonly StateTensor[], signal: AbortSignal): Promise<string>;
};

export type Progress = {
  /** Steps done, of `steps`. */
  readonly step: number;
  readonly steps: number;
  /** Of the last step done. */
  readonly loss: number;
  readonly samplesPerSecond: number;
  readonly secondsLeft: number;
};

/** What a run needs from outside. */
export type RunNeeds = {
  /** Of the hub's identity, on the hub's broker. */
  readonly messenger: Messenger;
  /** Of the hub's identity; its links carry state down to boards and up from them. Stays open. */
  readonly transport: Transport;
  /** The hub's broker as boards reach it, `mqtt://host:port`. */
  readonly hubUrl: string;
  readonly checkpoints: CheckpointStore;
  readonly log?: Log;
  readonly clock?: Clock;
  /** The end of what a lost board has said, where somebody knows it. */
  readonly lastWords?: (board: string) => Promise<string | undefined>;
  /** Called when boards begin to measure themselves: what they know, or how long the stages of a plan would take. */
  readonly onSurvey?: (boards: readonly string[], what: 'first' | 'stages') => void;
  /** Called for each plan, when the boards are chosen and the work is shared out. */
  readonly onPlan?: (plan: Plan) => void;
  /** Told in words what happens beside the steps: a board is lost, the run pauses, it has caught up. */
  readonly onNotice?: (text: string) => void;
  /** Called after each step; not again for a step that is done again. */
  readonly onProgress?: (progress: Progress) => void;
  /** Sees every event in order: applied again to `initialState`, they give the same state. */
  readonly onEvent?: (event: Event) => void;
  /** Aborted to end gracefully: granted steps are finished, the state captured and written. */
  readonly interrupt?: AbortSignal;
};

/** Sums over the steps of a run. */
export type BoardTotals = {
  readonly computeSeconds: number;
  /** The runtime's own: signing, framing, scheduling. */
  readonly overheadSeconds: number;
  readonly waitSeconds: number;
  readonly wallSeconds: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  /** Of each link that leads away from the board, by the board that it leads to. */
  readonly bytesSentTo: Readonly<Record<string, number>>;
};

/** How a run went on after it had lost a board. Times are of the coordinator's clock, seconds. */
export type Recovery = {
  /** Of the plan after it. */
  readonly term: number;
  readonly reason: string;
  /** What went wrong, for comparing: the same again without a step between is given up. */
  readonly signature: string;
  /** Steps that were done before. */
  readonly step: number;
  /** The step that it goes on from: those between are done again. */
  readonly fromStep: number;
  /** Who has the state of that step; `nobody` where it follows from the seed or the run's checkpoint. Absent of a change beside training. */
  readonly heldBy?: 'boards' | 'hub' | 'nobody';
  readonly at: number;
  /** When boards computed again, and when they had done again what was lost. */
  readonly trainingAt?: number;
  readonly caughtUpAt?: number;
  /** Of a change that was prepared beside training: when it was proposed, when all were ready, and the state that moved. */
  readonly proposedAt?: number;
  readonly readyAt?: number;
  readonly movedBytes?: number;
};

export type RunResult = {
  readonly run: string;
  readonly term: number;
  /** Absent where the run was interrupted before the boards were chosen. */
  readonly plan: Plan | undefined;
  /** Steps done, those before `fromStep` included. */
  readonly steps: number;
  /** Of steps `fromStep` to `steps - 1`. */
  readonly losses: readonly number[];
  readonly reason: 'finished' | 'interrupted';
  /** The state after the last step, by name, in the order of blocks; empty where no step was granted. */
  readonly tensors: ReadonlyMap<string, StateTensor>;
  /** Path of the checkpoint of the last step; undefined where no step was granted. */
  readonly checkpoint: string | undefined;
  /** By board id. */
  readonly perBoard: Readonly<Record<string, BoardTotals>>;
  readonly samplesPerSecond: number;
  /** From the first grant to the last step's report. */
  readonly seconds: number;
  readonly recoveries: readonly Recovery[];
};
