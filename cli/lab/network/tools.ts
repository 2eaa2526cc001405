import { spawn } from 'node:child_process';
import { LabToolError } from '../errors.ts';
import type { Batch } from './commands.ts';

/** `ip` and `tc` answer at once or not at all. */
const PATIENCE_MILLISECONDS = 20_000;

/** The one door to `ip` and `tc` (iproute2). @throws LabToolError with what the tool said */
export async function runBatch({ tool, namespace, lines }: Batch): Promise<void> {
  const where = namespace === undefined ? [] : ['-n', namespace];
  const { code, said } = await run(tool, [...where, '-batch', '-'], `${lines.join('\n')}\n`);
  if (code !== 0) throw new LabToolError(tool, `${said} (it was told: ${lines.join('; ')})`);
}

/** Whether the kernel has netem, tried on the loopback device of a namespace of ours. */
export async function hasNetem(namespace: string): Promise<boolean> {
  const { code } = await run('tc', ['-n', namespace, 'qdisc', 'add', 'dev', 'lo', 'root', 'netem', 'delay', '1ms'], '');
  if (code !== 0) return false;
  await runBatch({ tool: 'tc', namespace, lines: ['qdisc del dev lo root'] });
  return true;
}

export async function deleteNamespace(name: string): Promise<void> {
  await runBatch({ tool: 'ip', lines: [`netns del ${name}`] });
}

/** The processes in a namespace. */
export async function processesInNamespace(name: string): Promise<readonly number[]> {
  const { said } = await run('ip', ['netns', 'pids', name], '');
  return said
    .split('\n')
    .filter((line) => /^\d+$/.test(line))
    .map(Number);
}

async function run(tool: string, args: readonly string[], input: string) {
  const child = spawn(tool, args, { stdio: ['pipe', 'pipe', 'pipe'], timeout: PATIENCE_MILLISECONDS });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
  }
  child.stdin.on('error', () => {}).end(input);
  return new Promise<{ readonly code: number | null; readonly said: string }>((resolve, reject) => {
    child.once('error', (error) => reject(new LabToolError(tool, error.message)));
    child.once('close', (code) => resolve({ code, said }));
  });
}
