import type { Cuts } from '../../models/index.ts';
import type { Transfer } from '../links.ts';
import type { CodecCost, MessageCost } from '../message-cost.ts';
import type { DeviceProfile } from '../predictor/index.ts';

/** What a board is asked to measure for a run. */
export interface SurveyWish {
  readonly model: SurveyModel;
  /** For all of it. Blocks of the model are measured as long as it lasts; the board chooses which. */
  readonly budgetSeconds: number;
  /** Runs of blocks that are to be measured as stages: those that a plan would give to this board. */
  readonly stages: readonly BlockRun[];
  /** Boards to send tensors to; empty: links and the cost of messages are not measured. */
  readonly links: readonly { readonly to: string; readonly url: string }[];
}

/** A model for micro-batches of one size. */
export interface SurveyModel {
  /** Of the zoo. */
  readonly name: string;
  readonly classes: number;
  /** Of one sample. */
  readonly inputShape: readonly number[];
  /** Between which cuts the blocks lie; 'single' where absent. */
  readonly cuts?: Cuts;
  /** Samples. */
  readonly microBatch: number;
}

/** Blocks `firstBlock` to `lastBlock`, both included. */
export interface BlockRun {
  readonly firstBlock: number;
  readonly lastBlock: number;
}

/** What a board has measured. */
export interface BoardSurvey {
  readonly profile: DeviceProfile;
  /** Absent where no links were asked for. */
  readonly messages?: MessageCost;
  /** Of 8 bits around zero, rounded by chance: none takes longer. Absent where no links were asked for. */
  readonly codec?: CodecCost;
  readonly links: readonly MeasuredLink[];
}

export interface MeasuredLink {
  readonly to: string;
  /** Of signed frames to the other board's broker, from the call to its credit for the next one. */
  readonly transfers: readonly Transfer[];
}
