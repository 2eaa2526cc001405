import type { BlockCost, BoardSurvey, Plan, StateSource, WidthFloors } from '../index.ts';
import type { CaptureCosts } from './capture-cost.ts';
import type { LinkHistories } from './link-histories.ts';
import type { StepReports } from './metrics.ts';
import type { Paces, Seen } from './pace.ts';
import type { Replica } from './replicas.ts';
import type { BoardTotals, Deadlines, Recovery, RunSettings } from './types.ts';

/** A board that could take part: online, and with a profile. */
export type OnlineBoard = {
  readonly id: string;
  readonly dataUrl: string;
  readonly cores: number;
  readonly memoryBytes: number;
};

/** What is known of one board of the fleet; it counts as online when both parts are there. */
export type BoardState = {
  /** From its retained state; absent while it is offline. `pid` tells a restarted process from a reconnected one. */
  readonly online?: { readonly dataUrl: string; readonly pid: number };
  readonly profile?: { readonly cores: number; readonly memoryBytes: number };
  /** When its last heartbeat came; absent until the first. */
  readonly beatAt?: number;
  readonly onlineSince?: number;
  /** How often a run has lost it. */
  readonly losses?: number;
  /** It is to get no work: somebody wants to switch it off. */
  readonly drained?: boolean;
  /** It is connected, but its heartbeats stay out. */
  readonly silent?: boolean;
};

/** Name and shape of a tensor of a block's state. */
export type TensorLayout = { readonly name: string; readonly shape: readonly number[] };

/**
 * A run as it is asked for: the settings without the values to restore, and what follows from the model. Plain data.
 * After a recovery it is what boards are asked for in the new term: `fromStep`, `term` and `restores` change.
 */
export type RunRequest = {
  readonly settings: Omit<RunSettings, 'restore' | 'deadlines'>;
  readonly term: number;
  readonly restores: boolean;
  readonly deadlines: Deadlines;
  readonly blocks: readonly BlockCost[];
  /** Tensors that the optimizer keeps for each parameter. */
  readonly optimizerSlots: number;
  /** By block, in the order of slots: what a captured or restored block consists of. */
  readonly layout: readonly (readonly TensorLayout[])[];
};

/** One stage of the plan, as far as the hub has heard. */
export type StageState = {
  readonly stage: number;
  readonly board: string;
  readonly firstBlock: number;
  readonly lastBlock: number;
  readonly prepared: boolean;
  /** Steps done, those before `fromStep` included: it is at this step now. */
  readonly step: number;
  readonly heardAt: number;
  /** What it has said last, for error messages: "has finished step 4". */
  readonly heard: string;
  readonly stopped: boolean;
  readonly totals: BoardTotals;
};

/** State on its way up: of which step, and what has come so far. */
export type CaptureState = {
  readonly step: number;
  /** Names that arrived, by stage. */
  readonly arrived: readonly ReadonlySet<string>[];
  /** Stages that have said they are through. */
  readonly reported: readonly boolean[];
};

/** State on its way to neighbours: of which step, and which stages have said that theirs is there. */
export type Replication = { readonly step: number; readonly done: readonly boolean[] };

/** What boards have measured for this run. */
export type SurveyState = {
  /** Times that boards were asked: first for what they are, then for the stages that a plan would give them. */
  readonly rounds: number;
  /** Boards that have yet to answer. */
  readonly awaited: ReadonlySet<string>;
  readonly surveys: ReadonlyMap<string, BoardSurvey>;
  /** Boards that could not measure themselves, and why: they are planned with as the predictor guesses. */
  readonly problems: ReadonlyMap<string, string>;
  /** When each board was last asked. */
  readonly askedAt: ReadonlyMap<string, number>;
  /** How often each was asked for a stage while others trained. */
  readonly askedBeside: ReadonlyMap<string, number>;
};

/** A plan that is made ready beside the training under the one before it, and what has been heard of it. */
export type NextPlan = {
  readonly plan: Plan;
  readonly before: Plan;
  readonly reason: string;
  /** building: boards load their new stages; committed: they change at `step`; taken: all have come to it, and hand blocks over. */
  readonly phase: 'building' | 'committed' | 'taken';
  /** When it was made, and by which paces. */
  readonly since: number;
  readonly paces: Paces;
  /** Boards that are ready, and what that took them. */
  readonly ready: ReadonlyMap<string, { readonly seconds: number; readonly linkSeconds: number }>;
  /** What keeps it from being built, and the board that this is about. */
  readonly problem: { readonly board: string; readonly how: string } | undefined;
  readonly step: number;
  readonly committedAt: number;
  readonly takenAt: number;
  /** Boards that have given and got what they had to, after so many seconds, and how much that was. */
  readonly moved: ReadonlyMap<string, number>;
  readonly bytes: number;
};

/** Why a run ends early. Data: `failure.ts` makes the error of it. */
export type Failure =
  | { readonly kind: 'not-enough-boards'; readonly online: readonly string[]; readonly seconds: number }
  | { readonly kind: 'planning'; readonly error: Error }
  | { readonly kind: 'not-surveyed'; readonly waitsFor: string; readonly seconds: number }
  | { readonly kind: 'not-prepared'; readonly waitsFor: string; readonly seconds: number }
  | { readonly kind: 'silent'; readonly waitsFor: string; readonly seconds: number }
  | { readonly kind: 'lost'; readonly stage: number; readonly step: number; readonly how: string }
  | {
      readonly kind: 'failed';
      readonly stage: number;
      readonly step: number;
      readonly error: { readonly code: string; readonly message: string };
    }
  /** A board failed, or was lost, while blocks went from board to board. */
  | { readonly kind: 'handover'; readonly board: string; readonly step: number; readonly how: string }
  | { readonly kind: 'not-finite'; readonly stage: number; readonly step: number; readonly what: string }
  | { readonly kind: 'hub'; readonly error: Error };

export type Outcome =
  | { readonly kind: 'finished' }
  | { readonly kind: 'interrupted' }
  | { readonly kind: 'failed'; readonly failure: Failure };

/**
 * gathering: boards come online; surveying: they measure themselves; opening, opened: the hub makes ready to receive state;
 * preparing: boards load their stage; training: steps are granted; recovering: the term is over, and boards for the next are
 * looked for; stopping: boards give the run up; over.
 */
export type Phase =
  | 'gathering'
  | 'surveying'
  | 'opening'
  | 'opened'
  | 'preparing'
  | 'training'
  | 'recovering'
  | 'stopping'
  | 'over';

export type RunState = {
  readonly request: RunRequest;
  /** The step that the run began with, and whether it began with a given state. */
  readonly origin: { readonly fromStep: number; readonly restores: boolean };
  readonly phase: Phase;
  readonly phaseSince: number;
  readonly stopRequested: boolean;
  readonly survey: SurveyState;
  /** The latest; absent while gathering. */
  readonly plan: Plan | undefined;
  readonly stages: readonly StageState[];
  /** Boards may run the steps before this one. */
  readonly granted: number;
  /** The step that was granted last with capture; what the hub holds, or `fromStep`, where there was none in this term. */
  readonly lastCapture: number;
  /** The run ends when this many steps are done: `steps`, or earlier after an interrupt. */
  readonly finalStep: number;
  readonly capture: CaptureState | undefined;
  readonly replication: Replication | undefined;
  /** The step whose state the hub holds. */
  readonly held: number | undefined;
  /** The state that boards hold. A recovery goes on from whichever is newer and can be had. */
  readonly replica: Replica | undefined;
  /** The step of the latest replica that was asked for in this term. */
  readonly lastReplica: number | undefined;
  /** By block, who gives its state in this term; empty where boards start from the seed. */
  readonly sources: readonly StateSource[];
  readonly costs: CaptureCosts;
  /** A planned change of boards: the term ends with this step, whose state is captured. */
  readonly move: { readonly step: number; readonly reason: string } | undefined;
  /** A planned change that is prepared beside training. */
  readonly next: NextPlan | undefined;
  /** A plan could not be made ready in this term: the next change ends the term first. */
  readonly gaveUp: boolean;
  /** The highest term that any plan of the run has had. */
  readonly lastTerm: number;
  /** How fast boards are, and what their stages take, by their steps. */
  readonly seen: Seen;
  /** Boards' paces when the plan was made: its times are of then. */
  readonly pacesAtPlan: Paces;
  /** The same when a better plan was last looked for. */
  readonly pacesAtLook: Paces;
  /** What links have carried and lost of late. */
  readonly links: LinkHistories;
  /** The step at which widths of links were last looked at, or changed. */
  readonly widthsAt: number;
  /** At least so many bits over a cut: fewer have lost more than the run's budget. */
  readonly widthFloors: WidthFloors;
  /** The step at which a better plan was last looked for, and the one from which it was last changed for one. */
  readonly weighedAt: number;
  readonly improvedAt: number | undefined;
  /** From the choice of boards to the first grant, in the latest term whose boards were loaded anew. */
  readonly startSeconds: number;
  /** How long the last planned change held training up; undefined before the first. */
  readonly moveSeconds: number | undefined;
  /** When the boards of the plan were chosen. */
  readonly plannedAt: number;
  /** Boards that came since and got nothing, with the time that they came. */
  readonly leftOut: ReadonlyMap<string, number>;
  /** The step whose checkpoint is being written. */
  readonly writing: number | undefined;
  readonly checkpoint: { readonly step: number; readonly path: string } | undefined;
  /** Squared norms by step and stage, until all stages have said theirs. */
  readonly norms: ReadonlyMap<number, readonly (readonly number[] | undefined)[]>;
  /** By step from the origin on. */
  readonly losses: readonly number[];
  /** Steps of which everybody was told. */
  readonly announced: number;
  /** What stages said of steps that are not announced yet: by step, and then by stage. */
  readonly stepReports: StepReports;
  /** When the latest steps were done by all stages, oldest first; the first entry is the first grant. */
  readonly doneAt: readonly number[];
  readonly trainingSince: number | undefined;
  readonly lastStepAt: number;
  /** When anything last got further. */
  readonly progressAt: number;
  /** What went wrong, in the order of arrival: the worst is judged after a moment. */
  readonly suspects: readonly { readonly at: number; readonly failure: Failure }[];
  readonly recoveries: readonly Recovery[];
  /** Why the run waits for boards; absent while it does not. */
  readonly paused: string | undefined;
  /** What boards did in earlier terms, by board. */
  readonly totalsBefore: Readonly<Record<string, BoardTotals>>;
  readonly outcome: Outcome | undefined;
};

/** Why a message changed nothing. */
export type IgnoreReason =
  | 'no-run'
  | 'other-run'
  | 'other-term'
  | 'not-its-stage'
  | 'repeated'
  | 'not-expected'
  | 'after-the-end';

export type FleetState = {
  readonly now: number;
  readonly boards: ReadonlyMap<string, BoardState>;
  readonly run: RunState | undefined;
  readonly ignored: Readonly<Partial<Record<IgnoreReason, number>>>;
};

export const initialState: FleetState = { now: 0, boards: new Map(), run: undefined, ignored: {} };

/** The boards that could take part, by id in natural order. */
export function onlineBoards(state: FleetState): readonly OnlineBoard[] {
  const online = [...state.boards].flatMap(([id, { online, profile, silent = false, drained = false }]) => {
    const isThere = online !== undefined && profile !== undefined && !silent && !drained;
    return isThere ? [{ id, dataUrl: online.dataUrl, ...profile }] : [];
  });
  return online.sort((a, b) => naturalOrder.compare(a.id, b.id));
}

const naturalOrder = new Intl.Collator('en', { numeric: true });

/** Steps that every stage has done. */
export function stepsDone({ stages, request }: RunState): number {
  return stages.length === 0 ? request.settings.fromStep : Math.min(...stages.map(({ step }) => step));
}
