import type { Cuts } from '../../models/index.ts';
import type { BlockCost } from '../costs.ts';
import type { LinkModel } from '../links.ts';
import type { DeviceProfile, FittedModel } from '../predictor/index.ts';
import type { ScheduleWish } from '../schedule/index.ts';

/** What is trained: a model of the zoo, or blocks as they are written down, for one sample. */
export type ScenarioWork =
  | {
      readonly kind: 'model';
      readonly name: string;
      readonly classes: number;
      readonly optimizer: string;
      readonly cuts: Cuts;
    }
  | { readonly kind: 'blocks'; readonly blocks: readonly BlockCost[] };

/** A board that there need not be. */
export type ScenarioBoard = {
  readonly id: string;
  readonly flopsPerSecond: number;
  readonly memoryBytes: number;
  readonly callSeconds: number;
  /** What the board has measured of itself: takes the place of its flops, where the work is a model and a predictor is there. */
  readonly profile?: DeviceProfile;
};

/** Boards that leave and come back, at random times drawn from the seed. */
export type Churn = {
  readonly minutes: number;
  readonly seed: number;
  /** Shares of the fleet's boards, 0.2 for one in five. */
  readonly leavePerMinute: number;
  readonly joinPerMinute: number;
};

export type Scenario = {
  readonly work: ScenarioWork;
  /** Samples of one step. */
  readonly batch: number;
  /** Numbers that the plan may choose from; each divides the batch. */
  readonly microBatches: readonly number[];
  readonly schedule: ScheduleWish;
  readonly useAll: boolean;
  readonly boards: readonly ScenarioBoard[];
  readonly link: LinkModel;
  /** Pairs whose link is another, by `FROM>TO`. */
  readonly links: ReadonlyMap<string, LinkModel>;
  /** Who holds how many blocks, stage 0 first, where that is not to be chosen. */
  readonly split: readonly { readonly board: string; readonly blocks: number }[] | undefined;
  readonly churn: Churn | undefined;
  /** Tells the times of boards that have a profile. */
  readonly predictor?: FittedModel;
};
