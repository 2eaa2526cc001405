import type { FleetView, Seen } from '../../dashboard/index.ts';
import type { Output } from '../output.ts';
import { timeOfDay } from './cells.ts';
import { newsOf } from './news.ts';

const STEP_MILLISECONDS = 5_000;

/** Prints a line for what is new, and of the steps of a run one every few seconds, and the last. */
export function linePrinter(output: Output, now: () => number = Date.now): (before: FleetView, seen: Seen) => void {
  const told = new Map<string, number>();
  const isTold = (seen: Seen): boolean => {
    if (seen.topic !== 'runMetrics') return true;
    const { step, steps } = seen.message;
    if (step + 1 < steps && now() - (told.get(seen.id) ?? 0) < STEP_MILLISECONDS) return false;
    told.set(seen.id, now());
    return true;
  };
  return (before, seen) => {
    const news = isTold(seen) ? newsOf(before, seen) : undefined;
    if (news !== undefined) output.line(`${timeOfDay(now())} ${news}`);
  };
}
