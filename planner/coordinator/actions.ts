import type { Plan, SurveyWish } from '../index.ts';
import type { Outcome } from './state.ts';
import type { Progress } from './types.ts';

/** What the loop is to do next. Everything about boards goes to all boards of the plan. */
export type Action =
  /** Ask boards to measure themselves. */
  | { readonly kind: 'survey'; readonly round: number; readonly wishes: ReadonlyMap<string, SurveyWish> }
  /** Make this plan known and listen for the state that its boards will send. */
  | { readonly kind: 'adopt'; readonly plan: Plan }
  /** Send each board its stage and, when resuming, its blocks' state. */
  | { readonly kind: 'prepare'; readonly plan: Plan }
  /** Let boards run the steps before `toStep`; with `capture` they send their state when it is reached. */
  | { readonly kind: 'grant'; readonly toStep: number; readonly capture: boolean }
  /** Tell boards the squared norm of all gradients of a step. */
  | { readonly kind: 'clip'; readonly step: number; readonly squaredNorm: number }
  /** Tell everybody how far the run is; `step` counts from 0 and is the one that `progress` ends with. */
  | { readonly kind: 'announce'; readonly step: number; readonly progress: Progress }
  | { readonly kind: 'write-checkpoint'; readonly step: number }
  /** Take the run from the boards; it will end with `outcome`. */
  | { readonly kind: 'stop'; readonly outcome: Outcome }
  /** The run is over. */
  | { readonly kind: 'finish' };
