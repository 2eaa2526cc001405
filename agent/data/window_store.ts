import type { SampleStore } from './data_set.ts';

/** Where a window starts. */
export interface WindowStart {
  /** Index of the recording. */
  readonly recording: number;
  /** Index of the window's first row in it. */
  readonly row: number;
}

/**
 * Windows over recordings of sensor values. Windows that overlap share the recording's memory.
 *
 * A recording holds its rows one after the other, `channels` values a row; a window is written channel after channel,
 * as [channels, window].
 */
export function createWindowStore(
  recordings: readonly Float32Array[],
  starts: readonly WindowStart[],
  channels: number,
  window: number,
): SampleStore {
  return {
    count: starts.length,

    accumulate(index, sums) {
      const { recording, row } = starts[index]!;
      const values = recordings[recording]!;
      for (let t = 0; t < window; t++) {
        for (let c = 0; c < channels; c++) {
          const value = values[(row + t) * channels + c]!;
          sums.sum[c]! += value;
          sums.sumOfSquares[c]! += value * value;
        }
      }
    },

    writer({ mean, std }) {
      return (index, into, offset) => {
        const { recording, row } = starts[index]!;
        const values = recordings[recording]!;
        for (let c = 0; c < channels; c++) {
          const [shift, scale] = [mean[c]!, 1 / std[c]!];
          for (let t = 0; t < window; t++) {
            into[offset + c * window + t] = (values[(row + t) * channels + c]! - shift) * scale;
          }
        }
      };
    },
  };
}
