import { readdir, readFile } from 'node:fs/promises';
import { processesIn } from '../../fleet/chaos/processes.ts';
import { residentBytes } from '../disturbances.ts';

export interface Sample {
  /** Since the process was first seen. */
  readonly seconds: number;
  /** Resident in memory. */
  readonly bytes: number;
  /** Open file descriptors. */
  readonly handles: number;
  /** Of them what a board's stage is to take, as the latest plan says; 0 where it has none. */
  readonly stageBytes: number;
}

/** A process of the fleet, from when it was first seen until it was gone. */
export interface Life {
  /** `hub`, `run`, or the board's name. */
  readonly name: string;
  readonly pid: number;
  readonly samples: readonly Sample[];
}

/** What the fleet's processes take, each life by its own: a process that is started again is another one. */
export class Lives {
  readonly #cwd: string;
  readonly #lives = new Map<string, { readonly name: string; readonly pid: number; readonly samples: Sample[] }>();
  readonly #since = new Map<string, number>();

  readonly #stageBytes: (name: string) => number;

  /** Of all processes that work in this directory. */
  constructor(cwd: string, stageBytes: (name: string) => number) {
    this.#cwd = cwd;
    this.#stageBytes = stageBytes;
  }

  get all(): readonly Life[] {
    return [...this.#lives.values()];
  }

  async look(): Promise<void> {
    await Promise.all((await processesIn(this.#cwd)).map((pid) => this.#lookAt(pid)));
  }

  async #lookAt(pid: number): Promise<void> {
    const now = performance.now() / 1000;
    const [command, begun, bytes, handles] = await Promise.all([
      readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => ''),
      startOf(pid),
      residentBytes(pid),
      readdir(`/proc/${pid}/fd`).catch(() => []),
    ]);
    const name = nameOf(command.split('\0'));
    // One that ends just now has no memory any more.
    if (name === undefined || bytes === 0 || handles.length === 0) return;
    const key = `${pid} ${begun}`;
    const since = this.#since.get(key) ?? now;
    this.#since.set(key, since);
    const life = this.#lives.get(key) ?? { name, pid, samples: [] };
    this.#lives.set(key, life);
    life.samples.push({ seconds: now - since, bytes, handles: handles.length, stageBytes: this.#stageBytes(name) });
  }
}

function nameOf(words: readonly string[]): string | undefined {
  if (words.includes('hub')) return 'hub';
  if (words.includes('train')) return 'run';
  return words.includes('agent') ? words[words.indexOf('--id') + 1] : undefined;
}

/** In ticks since the machine was started: with it a process number is never taken for another's. proc(5), field 22. */
async function startOf(pid: number): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}
