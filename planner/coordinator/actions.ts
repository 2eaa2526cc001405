import type { Plan, PlanCodecs, StateSource, SurveyWish, WidthFloors } from '../index.ts';
import type { StepMetrics } from './metrics.ts';
import type { Replica } from './replicas.ts';
import type { Failure, Outcome } from './state.ts';
import type { Progress } from './types.ts';
import type { WidthChange } from './widths.ts';

/** Boards that were making the next plan ready, or handing over for it, and its term. */
export type Abandoned = { readonly term: number; readonly boards: readonly string[] };

/** What the loop is to do next. Everything about boards goes to all boards of the plan. */
export type Action =
  /** Ask boards to measure themselves. */
  | { readonly kind: 'survey'; readonly round: number; readonly wishes: ReadonlyMap<string, SurveyWish> }
  /** Make this plan known and listen for the state that its boards will send. */
  | { readonly kind: 'adopt'; readonly plan: Plan }
  /** Send each board its stage, and have each block's state come from its source; none where boards start from the seed. */
  | { readonly kind: 'prepare'; readonly plan: Plan; readonly sources: readonly StateSource[] }
  /** Let boards run the steps before `toStep`; when it is reached they send their state to the hub, to their neighbours, or nowhere. */
  | { readonly kind: 'grant'; readonly toStep: number; readonly capture: boolean; readonly replicate: boolean }
  /** Tell boards the squared norm of all gradients of a step. */
  | { readonly kind: 'clip'; readonly step: number; readonly squaredNorm: number }
  /** Tell everybody how far the run is; `step` counts from 0 and is the one that `progress` ends with. */
  | { readonly kind: 'announce'; readonly step: number; readonly progress: Progress; readonly metrics: StepMetrics }
  /** Hold on to the state that has come up, in place of the one held before. */
  | { readonly kind: 'keep'; readonly step: number }
  /** Count on the state that boards hold now, and have them forget what they held before. */
  | { readonly kind: 'hold'; readonly replica: Replica }
  | { readonly kind: 'write-checkpoint'; readonly step: number }
  /** A board that is connected has given no sign of life for too long. */
  | { readonly kind: 'miss'; readonly board: string; readonly seconds: number }
  /** End the term: boards give up what they hold, and the next plan goes on from `fromStep`. */
  | {
      readonly kind: 'recover';
      readonly failure: Failure | undefined;
      readonly reason: string;
      readonly fromStep: number;
      readonly abandons?: Abandoned;
    }
  /** What a better plan would bring and cost, in seconds; it is moved to where that is worth it. */
  | {
      readonly kind: 'weigh';
      readonly step: number;
      /** Expected of a step as it is now, and under the best plan. */
      readonly stepSeconds: number;
      readonly bestStepSeconds: number;
      readonly moveSeconds: number;
      readonly worthIt: boolean;
    }
  /** End the term at the next step that boards can be told of, with its state, for another plan. */
  | { readonly kind: 'move'; readonly reason: string }
  /** Have boards load their stages of the next plan while they train under this one. */
  | { readonly kind: 'propose'; readonly plan: Plan; readonly reason: string }
  /** Have boards change to the next plan once the steps before this one are done. */
  | { readonly kind: 'commit'; readonly step: number }
  /** The steps under the old plan are done: the next is the run's plan from now on. */
  | { readonly kind: 'take' }
  /** All boards have what they need under the new plan. */
  | {
      readonly kind: 'settle';
      readonly term: number;
      readonly step: number;
      /** From the choice of the plan until all boards had loaded their stages and opened their links, and from the last step under the old plan until all had their state. */
      readonly prepareSeconds: number;
      readonly handoverSeconds: number;
      /** Of the state that went from board to board. */
      readonly bytes: number;
      /** How long each board took to give and get it. */
      readonly boards: readonly { readonly board: string; readonly seconds: number }[];
    }
  /** The next plan cannot be made ready, or is not needed any more; training goes on under the old one. */
  | {
      readonly kind: 'give-up';
      readonly reason: string;
      readonly abandons: Abandoned;
    }
  /** What other widths of links would bring, in seconds of a step. */
  | {
      readonly kind: 'weigh-widths';
      readonly step: number;
      readonly stepSeconds: number;
      readonly bestStepSeconds: number;
    }
  /** Links encode otherwise from now on; nothing is loaded or moved for it. */
  | {
      readonly kind: 'encode';
      readonly codecs: PlanCodecs;
      /** By cut, where a width has lost too much. */
      readonly floors: WidthFloors;
      readonly changes: readonly WidthChange[];
      readonly reason: string;
    }
  /** A board that is there anew is not worth a new plan, or cannot be given one. */
  | { readonly kind: 'leave-out'; readonly board: string; readonly onlineSince: number; readonly reason: string }
  /** The run waits for boards. */
  | { readonly kind: 'pause'; readonly reason: string }
  /** Take the run from the boards; it will end with `outcome`. */
  | { readonly kind: 'stop'; readonly outcome: Outcome }
  /** The run is over. */
  | { readonly kind: 'finish' };
