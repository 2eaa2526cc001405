import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Place } from '../fleet.ts';

export const RETAINED = 'retained';

/** A line of the observer's process. */
export interface Heard {
  /** `step`, `plan`, `retained`, or an event of docs/topics.md. */
  readonly what: string;
  /** Of a plan: what each board's stage takes, as the planner has it. */
  readonly memoryBytes?: Readonly<Record<string, number>>;
  /** That the hub has retained. */
  readonly topics?: number;
}

/** Hears what the runs of a fleet tell: at once, where their output says it every few seconds. */
export interface Observer {
  /** How often it has heard of this. While the hub is away it hears nothing. */
  count(what: string): number;
  /** Of the latest plan, by board. */
  readonly memoryBytes: Readonly<Record<string, number>>;
  /** The most topics that the hub had retained whenever somebody asked. */
  readonly mostRetained: number;
  /** Looks how many they are now; the answer comes by and by. */
  countRetained(): void;
  close(): Promise<void>;
}

const END_MILLISECONDS = 5_000;

/** Where the hub is there, in a process of its own: it may live in another network. */
export function startObserver(directory: string, { namespacePath }: Place): Observer {
  const enter = namespacePath === undefined ? [] : ['nsenter', `--net=${namespacePath}`];
  const program = join(import.meta.dirname, 'observer-process.ts');
  const [command, ...words] = [...enter, process.execPath, program, directory];
  const child = spawn(command!, words, { stdio: ['pipe', 'pipe', 'inherit'] });
  const counts = new Map<string, number>();
  let memoryBytes: Observer['memoryBytes'] = {};
  let mostRetained = 0;
  createInterface({ input: child.stdout }).on('line', (line) => {
    const heard = JSON.parse(line) as Heard;
    counts.set(heard.what, (counts.get(heard.what) ?? 0) + 1);
    memoryBytes = heard.memoryBytes ?? memoryBytes;
    mostRetained = Math.max(mostRetained, heard.topics ?? 0);
  });
  const ended = once(child, 'close');
  child.stdin.on('error', () => {});
  return {
    count(what) {
      if (child.exitCode !== null) throw new Error(`the observer has ended with code ${child.exitCode}`);
      return counts.get(what) ?? 0;
    },
    get memoryBytes() {
      return memoryBytes;
    },
    get mostRetained() {
      return mostRetained;
    },
    countRetained: () => void child.stdin.write(`${RETAINED}\n`),
    async close() {
      child.stdin.end();
      const late = setTimeout(() => child.kill('SIGKILL'), END_MILLISECONDS);
      await ended;
      clearTimeout(late);
    },
  };
}
