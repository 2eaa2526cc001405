import { join } from 'node:path';
import { silent } from '../../broker/index.ts';
import { passingLabs } from '../../cli/processes/lab.ts';
import type { FleetPlace } from '../../cli/watching/find.ts';
import { startWatching } from '../../cli/watching/session.ts';
import type { Running } from './helpers.ts';

const PATIENCE_MILLISECONDS = 60_000;

/** The lab of a run that was started with this directory as its `TMPDIR`; it has one. */
export async function labIn(directory: string): Promise<FleetPlace> {
  const [place] = await passingLabs(directory);
  if (place === undefined) throw new Error(`'${directory}' holds no lab: has the run ended?`);
  return place;
}

/** The fleet `shed` that was made in this directory. */
export const shedIn = (directory: string): FleetPlace => ({ fleets: join(directory, 'fleets'), name: 'shed' });

/**
 * Resolves when so many steps of the run are done, as everybody in the fleet can hear: without a terminal a run prints
 * a line every five seconds only. Rejects when the run ends before, or after a minute.
 */
export async function untilStep(place: FleetPlace, step: number, run: Running): Promise<void> {
  const ending = new AbortController();
  const done = Promise.withResolvers<void>();
  const session = await startWatching(place, {
    hub: undefined,
    log: silent,
    signal: ending.signal,
    onSeen: (_, seen) => {
      if (seen.topic === 'runMetrics' && seen.message.step + 1 >= step) done.resolve();
    },
  });
  const late = setTimeout(() => done.reject(new Error(`step ${step} was not done in a minute`)), PATIENCE_MILLISECONDS);
  const tooEarly = run.ended.then(({ stderr }) => {
    throw new Error(`the run ended before step ${step} was heard of:\n${stderr}`);
  });
  try {
    await Promise.race([done.promise, tooEarly]);
  } finally {
    clearTimeout(late);
    await session.close();
    ending.abort();
  }
}
