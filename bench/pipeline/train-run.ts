import { formatWidth } from '../../planner/index.ts';
import { noCaptures } from '../flotilla.ts';
import { type LabWish, labRun } from '../lab/lab-run.ts';

export interface TrainWish extends Omit<LabWish, 'words'> {
  /** Steps whose time is not counted: the first, which warms up, at least. */
  readonly warmUps: number;
  /** As `--split` takes it; the planner chooses when absent. */
  readonly split?: string;
  /** As `--schedule` takes it; the planner chooses when absent. */
  readonly schedule?: string;
  /** As `--codec` takes it, from the first step on; tensors travel as they are when absent. */
  readonly codec?: string;
  /** Seconds that boards measure themselves for; as the program decides when absent. */
  readonly survey?: number;
}

export interface TrainRun {
  /** Mean over the steps after the warm-up. */
  readonly stepSeconds: number;
  readonly samplesPerSecond: number;
  readonly losses: readonly number[];
  /** What the plan expected of a step. */
  readonly predictedSeconds: number;
  /** Blocks of each board, as `--split` says them. */
  readonly split: string;
  readonly schedule: string;
  /** In the order of the pipeline. */
  readonly boards: readonly string[];
  /** Of each link, at the end of the run; none where nothing was encoded. */
  readonly widths: readonly string[];
}

/** How fast a run in a lab of its own trains once it is warm. */
export async function trainRun({ warmUps, split, schedule, codec, survey, ...wish }: TrainWish): Promise<TrainRun> {
  // The steps are few: all are to be encoded.
  const encodes = codec === undefined ? {} : { codec, 'warm-up-steps': 0 };
  const wishes = Object.entries({ split, schedule, survey, ...encodes }).filter(([, value]) => value !== undefined);
  const words = [...noCaptures, ...wishes.flatMap(([name, value]) => [`--${name}`, String(value)])];
  const { stepSeconds: all, losses, plan } = await labRun({ ...wish, words });
  const counted = all.slice(warmUps - 1);
  const stepSeconds = counted.reduce((sum, seconds) => sum + seconds, 0) / counted.length;
  return {
    stepSeconds,
    samplesPerSecond: wish.batch / stepSeconds,
    losses,
    predictedSeconds: plan.predictedStepSeconds ?? Number.NaN,
    schedule: plan.schedule,
    boards: plan.stages.map(({ board }) => board),
    widths: (plan.codecs?.links ?? []).map(formatWidth),
    split: plan.stages.map(({ firstBlock, lastBlock }) => `${firstBlock}-${lastBlock}`).join(','),
  };
}
