/** One look at a work, in the order in which they were taken. */
export interface Look {
  readonly key: string;
  readonly seconds: number;
}

/** So many looks before and after one tell how the machine was at that moment. */
const neighbours = 10;
const sweeps = 4;

/**
 * The time of each work, from looks at all works in turn: log(look) = log(time of the work) + disturbance of the moment +
 * noise. Other guests of the machine slow all works of a moment alike to some part; so the disturbance is the median of the
 * neighbouring looks around their works' times, and the time is the median of a work's looks without it (alternating
 * medians: Tukey's median polish, 1977). What is left is the machine at its usual speed during the looks.
 */
export function undisturbedTimes(looks: readonly Look[]): ReadonlyMap<string, number> {
  const logs = looks.map(({ seconds }) => Math.log(seconds));
  const places = Map.groupBy(logs.keys(), (index) => looks[index]!.key);
  let disturbance = logs.map(() => 0);
  let times = new Map<string, number>();
  for (let sweep = 0; sweep < sweeps; sweep++) {
    times = new Map(
      [...places].map(([key, own]) => [key, median(own.map((index) => logs[index]! - disturbance[index]!))]),
    );
    const around = looks.map(({ key }, index) => logs[index]! - times.get(key)!);
    disturbance = around.map((_, index) =>
      median([
        ...around.slice(Math.max(0, index - neighbours), index),
        ...around.slice(index + 1, index + 1 + neighbours),
      ]),
    );
  }
  return new Map([...times].map(([key, log]) => [key, Math.exp(log)]));
}

function median(values: readonly number[]): number {
  if (values.length === 0) return 0;
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
