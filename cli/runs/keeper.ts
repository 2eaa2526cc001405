import { type ChildProcess, spawn } from 'node:child_process';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { latestCheckpoint } from '../../agent/index.ts';
import { dashed } from '../options/index.ts';
import type { RunHistory } from './entries.ts';
import { chooseRuns, findRuns } from './found.ts';
import { CHECKPOINTS, OUTPUT_LOG } from './names.ts';
import { boundOutput } from './output-log.ts';
import type { Register } from './register.ts';

const LOOK_MILLISECONDS = 1_000;
const LONGEST_PAUSE_MILLISECONDS = 60_000;
/** A run that is told that its hub ends leaves its state on the disk within this time. */
const END_MILLISECONDS = 15_000;
/** The process was given something that it will be given again: a checkpoint that is damaged, data that are gone. */
const BAD_INPUT = 2;

export interface KeeperNeeds {
  readonly register: Register;
  readonly say: (line: string) => void;
}

/** Sees to it that runs of a fleet that were torn out of their work go on. */
export interface RunKeeper {
  /** Lets the runs that it has started write their state and end; they stay unfinished. */
  close(): Promise<void>;
}

interface Attempt {
  readonly count: number;
  /** Not before then. */
  readonly nextAt: number;
  /** Of the last checkpoint, when it was started. */
  readonly checkpoint: string | undefined;
}

export function keepRuns({ register, say }: KeeperNeeds): RunKeeper {
  const closing = new AbortController();
  const { signal } = closing;
  const children = new Map<string, ChildProcess>();
  const attempts = new Map<string, Attempt>();
  const told = new Map<string, string>();
  /** Runs that are not started again, unless somebody has got them to work meanwhile. */
  const givenUp = new Set<string>();

  const tell = (run: string, line: string): void => {
    if (told.get(run) === line) return;
    told.set(run, line);
    say(line);
  };

  const look = async (): Promise<void> => {
    const found = await findRuns(register);
    for (const { run, state } of found) {
      if (state === 'at-work') givenUp.delete(run);
      if (state === 'ended') await register.leave(run);
    }
    for (const each of found) if (each.state === 'at-work') await boundOutput(each.directory);
    const { start, refused } = chooseRuns(found);
    for (const [run, problem] of refused) {
      const next = `go on with it by flotilla train --resume, or remove '${join(register.path, run)}'`;
      tell(run, `Run ${run} has no process and is left alone: ${problem}; ${next}.`);
    }
    for (const { run, directory, history } of start) {
      if (signal.aborted || children.has(run) || givenUp.has(run)) continue;
      const attempt = await nextAttempt(directory, attempts.get(run));
      if (attempt === undefined) continue;
      attempts.set(run, attempt);
      await goOn(run, directory, history);
    }
  };

  const goOn = async (run: string, directory: string, history: RunHistory): Promise<void> => {
    const child = await startAgain(directory, history);
    children.set(run, child);
    told.delete(run);
    say(`Run ${run} has lost its process: it goes on. What it says is in '${join(directory, OUTPUT_LOG)}'.`);
    child.once('error', ({ message }) => say(`Run ${run} could not be started: ${message}`));
    child.once('close', async (code, killed) => {
      children.delete(run);
      if (code === BAD_INPUT) {
        givenUp.add(run);
        return say(`Run ${run} is left alone: ${await lastError(directory)}`);
      }
      say(`Run ${run} has ended ${killed === null ? `with code ${code}` : `by ${killed}`}.`);
    });
  };

  const watching = (async () => {
    while (!signal.aborted) {
      await look().catch((error: Error) => tell('', `Runs could not be looked for: ${error.message}`));
      await wait(LOOK_MILLISECONDS, undefined, { signal }).catch(() => {});
    }
  })();

  return {
    async close() {
      closing.abort();
      await watching;
      await Promise.all([...children.values()].map(endChild));
    },
  };
}

/** The same command as before, after the run's last state; its own process group, so that it may outlive the hub. */
async function startAgain(directory: string, { typed }: RunHistory): Promise<ChildProcess> {
  const words = [...typed].map(([name, value]) => `--${dashed(name)}${value === undefined ? '' : `=${value}`}`);
  const program = join(import.meta.dirname, '..', 'flotilla.js');
  await using output = await open(join(directory, OUTPUT_LOG), 'a');
  return spawn(process.execPath, [program, 'train', ...words, '--resume', directory, '--unattended'], {
    stdio: ['ignore', output.fd, output.fd],
    detached: true,
  });
}

async function lastError(directory: string): Promise<string> {
  const said = await readFile(join(directory, OUTPUT_LOG), 'utf8').catch(() => '');
  return (
    said
      .split('\n')
      .filter((line) => line.startsWith('error: '))
      .at(-1) ?? 'it gave no reason'
  );
}

/** Undefined while it is too early: the pause doubles each time that nothing was saved in between. */
async function nextAttempt(directory: string, last: Attempt | undefined): Promise<Attempt | undefined> {
  const now = performance.now();
  if (last !== undefined && now < last.nextAt) return undefined;
  const checkpoint = await latestCheckpoint(join(directory, CHECKPOINTS)).catch(() => undefined);
  const count = last === undefined || last.checkpoint !== checkpoint ? 0 : last.count + 1;
  const pause = Math.min(LONGEST_PAUSE_MILLISECONDS, LOOK_MILLISECONDS * 2 ** count);
  return { count, checkpoint, nextAt: now + pause };
}

/** SIGHUP: the one who started it is gone, so the run leaves its state and stays unfinished. */
async function endChild(child: ChildProcess): Promise<void> {
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGHUP');
  const late = setTimeout(() => child.kill('SIGKILL'), END_MILLISECONDS);
  await ended;
  clearTimeout(late);
}
