import { UnknownScheduleError } from '../errors.ts';
import { type ScheduleName, scheduleNames } from './generators.ts';

/** A schedule by its name, or `auto`: that with the shortest predicted step which fits into the boards' memory. */
export const scheduleWishes = ['auto', ...scheduleNames] as const;
export type ScheduleWish = (typeof scheduleWishes)[number];
export const defaultScheduleWish: ScheduleWish = 'auto';

/** Those that `auto` chooses among, the one with the fewest micro-batches in flight first: where steps are equal it is taken. */
const candidates: readonly ScheduleName[] = ['1f1b', 'eager-1f1b'];

/** The schedules that a wish leaves to choose among. */
export function schedulesOf(wish: ScheduleWish): readonly ScheduleName[] {
  return wish === 'auto' ? candidates : [wish];
}

/** A wish typed by a person. Throws `UnknownScheduleError` with the names there are. */
export function parseScheduleWish(name: string): ScheduleWish {
  const known = scheduleWishes.find((candidate) => candidate === name);
  if (known === undefined) throw new UnknownScheduleError(name, scheduleWishes);
  return known;
}
