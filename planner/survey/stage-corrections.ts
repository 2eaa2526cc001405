import type { ProfileMeasurement } from '../predictor/index.ts';
import type { BlockTimes } from '../times.ts';

type Measured = Pick<ProfileMeasurement, 'firstBlock' | 'lastBlock' | 'pass' | 'seconds'>;
type PassTimes = readonly number[];

const passes = ['forward', 'backward', 'update'] as const satisfies readonly (keyof BlockTimes)[];

/**
 * Block times after whole stages were measured: within a stage the blocks keep their ratio and sum to what was measured
 * (less the call). Blocks that were in no stage are off by what all stages were off by. Of stages that overlap, the later
 * one holds.
 */
export function correctedByStages<Times extends BlockTimes>(
  times: readonly Times[],
  callSeconds: number,
  measured: readonly Measured[],
): readonly Times[] {
  const [forward, backward, update] = passes.map((pass) => {
    const stages = measured.filter((stage) => stage.pass === pass);
    return corrected(
      times.map((block) => block[pass]),
      callSeconds,
      stages,
    );
  }) as [PassTimes, PassTimes, PassTimes];
  return times.map((block, index) => ({
    ...block,
    forward: forward[index]!,
    backward: backward[index]!,
    update: update[index]!,
  }));
}

function corrected(before: PassTimes, callSeconds: number, stages: readonly Measured[]): PassTimes {
  const own = ({ seconds }: Measured) => Math.max(0, seconds - callSeconds);
  const expected = (times: PassTimes, { firstBlock, lastBlock }: Measured) =>
    times.slice(firstBlock, lastBlock + 1).reduce((sum, seconds) => sum + seconds, 0);
  const ratio = (measured: number, predicted: number) => (predicted > 0 ? measured / predicted : 1);
  const all = ratio(
    stages.reduce((sum, stage) => sum + own(stage), 0),
    stages.reduce((sum, stage) => sum + expected(before, stage), 0),
  );
  return stages.reduce<PassTimes>(
    (times, stage) => {
      const off = ratio(own(stage), expected(times, stage));
      const isInside = (block: number) => block >= stage.firstBlock && block <= stage.lastBlock;
      return times.map((seconds, block) => (isInside(block) ? off * seconds : seconds));
    },
    before.map((seconds) => all * seconds),
  );
}
