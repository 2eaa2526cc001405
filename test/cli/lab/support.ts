import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, readFile } from 'node:fs/promises';
import type { ExecutionContext } from 'ava';
import { findParents } from '../../../cli/lab/cgroup/index.ts';

/** Why the real thing cannot be tried on this machine; undefined where it can. */
export async function whyNoQuota(): Promise<string | undefined> {
  if (process.platform !== 'linux') return 'skipped: control groups need Linux';
  return (await findParents()).cpu === undefined ? 'skipped: no right to make control groups' : undefined;
}

export async function whyNoMemoryLimit(): Promise<string | undefined> {
  if (process.platform !== 'linux') return 'skipped: control groups need Linux';
  return (await findParents()).memory === undefined ? 'skipped: no right to limit memory' : undefined;
}

export async function whyNoNetwork(): Promise<string | undefined> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0)
    return 'skipped: network namespaces need Linux and root';
  for (const [tool, ...args] of [
    ['ip', 'netns'],
    ['tc', '-V'],
    ['nsenter', '-V'],
    ['python3', '-V'],
  ]) {
    if (!(await runs(tool!, args))) return `skipped: there is no ${tool}`;
  }
  const hasTap = await access('/dev/net/tun').then(
    () => true,
    () => false,
  );
  return hasTap ? undefined : 'skipped: there is no /dev/net/tun';
}

async function runs(tool: string, args: readonly string[]): Promise<boolean> {
  const child = spawn(tool, args, { stdio: 'ignore' });
  return new Promise((resolve) => {
    child.once('error', () => resolve(false));
    child.once('close', (code) => resolve(code === 0));
  });
}

/** A process that always wants one core; it is gone after the test. */
export async function busyProcess(t: ExecutionContext) {
  const child = spawn(process.execPath, ['-e', 'console.log("up"); for (;;);'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  const pid = child.pid!;
  return { pid, cpuSeconds: () => cpuSecondsOf(pid) };
}

const TICKS_PER_SECOND = 100;

async function cpuSecondsOf(pid: number): Promise<number> {
  const fields = await statFields(pid);
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** R, S, T …; see proc(5). */
export async function stateOf(pid: number): Promise<string | undefined> {
  return (await statFields(pid))[0];
}

async function statFields(pid: number): Promise<readonly string[]> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return text.slice(text.lastIndexOf(')') + 2).split(' ');
}

/** Runs JavaScript in a network namespace; gives its standard output. */
export function inNamespace(t: ExecutionContext, namespace: string, script: string): ChildProcess {
  const child = spawn('nsenter', [`--net=/run/netns/${namespace}`, process.execPath, '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  return child;
}

export async function outputOf(child: ChildProcess): Promise<string> {
  let said = '';
  child.stdout!.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  await once(child, 'close');
  return said;
}
