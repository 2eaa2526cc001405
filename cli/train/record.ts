import { join, relative } from 'node:path';
import { latestCheckpoint } from '../../agent/index.ts';
import type { Context, Outcome } from '../command.ts';
import { PathError } from '../errors.ts';
import type { InterruptedError } from '../interrupts.ts';
import { CHECKPOINTS, openRunLog, type Register, type RunEntry, type RunLog, registerOf } from '../runs/index.ts';
import { isDiskFull } from './disk.ts';
import { typedForLog } from './earlier.ts';
import { firstTerm, type RunContext } from './run-context.ts';

interface Recorded {
  readonly directory: string;
  readonly first: Extract<RunEntry, { kind: 'taken-up' }>;
  /** Of the fleet, whose hub goes on with runs that are torn out of their work. */
  readonly register: Register | undefined;
}

/** The hub or the network was away: nothing that the run could not go on after. */
const passing: ReadonlySet<string> = new Set(['DEADLINE', 'CLOSED', 'ECONNREFUSED', 'ECONNRESET', 'EPIPE']);
/** The terminal or the hub that has started this process is gone. */
const HUNG_UP = 129;

/**
 * Trains, and keeps the run's log meanwhile: that it has begun, and how it ended. A run whose end is not written down is
 * one that is to go on.
 */
export async function recorded(
  about: RunContext,
  { output, interrupts: { gentle } }: Context,
  act: (log: RunLog) => Promise<Outcome>,
): Promise<Outcome> {
  const { directory, first, register } = await recordOf(about);
  const log = openLog(directory, first, (problem) => output.warn(problem));
  await register?.enter(first.run, directory);
  const end = async (how: Extract<RunEntry, { kind: 'ended' }>['how'], reason: string): Promise<void> => {
    if (gentle.aborted && (gentle.reason as InterruptedError).exitCode === HUNG_UP) return;
    log.write({ kind: 'ended', how, reason });
    await register?.leave(first.run);
  };
  try {
    const outcome = await act(log);
    if (outcome.exitCode === undefined) await end('finished', 'all steps are done');
    else await end('interrupted', 'somebody has stopped it');
    return outcome;
  } catch (error) {
    const { code = '', message } = error as Error & { readonly code?: string };
    if (!passing.has(code) && !isDiskFull(error)) {
      await end(gentle.aborted ? 'interrupted' : 'failed', `${message.slice(0, 2000)} [${code}]`);
    }
    throw error;
  }
}

function openLog(directory: string, first: RunEntry, warn: (problem: string) => void): RunLog {
  try {
    return openRunLog(directory, first, warn);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    throw new PathError(directory, `cannot be written to (${message}): choose another directory with --out`, {
      cause: error,
    });
  }
}

/** What the run's log and its fleet are told at the beginning. */
async function recordOf(about: RunContext): Promise<Recorded> {
  const { input, checked, run, directory, ids, inside, resumed } = about;
  const { fleet, fleets } = input.options;
  const newest = await latestCheckpoint(join(directory, CHECKPOINTS));
  const within = (path: string | undefined) => (path === undefined ? null : relative(directory, path));
  return {
    directory,
    first: {
      ...{ kind: 'taken-up', run, term: firstTerm(about), boards: ids },
      ...{ from: within(resumed?.checkpoint.path), newest: within(newest) },
      typed: typedForLog(input, checked.source),
    },
    register: fleet === undefined || inside !== undefined ? undefined : registerOf(fleets, fleet),
  };
}
