import { spawn } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ownSceneDirectory, removeDeadScenes } from './remains.ts';

/**
 * Gives `use` a directory for a scene, and removes the scene afterwards: also when this process is interrupted or killed,
 * for a process of its own does that. What was left by one whose janitor was killed as well is removed before.
 */
export async function withJanitor<T>(use: (directory: string) => Promise<T>): Promise<T> {
  await removeDeadScenes();
  const directory = await ownSceneDirectory();
  await mkdir(directory);
  const dismiss = startJanitor(directory);
  try {
    return await use(directory);
  } finally {
    await dismiss();
  }
}

/** @returns what has the scene removed now; it throws what is left of it */
function startJanitor(directory: string): () => Promise<void> {
  const janitor = spawn(process.execPath, [join(import.meta.dirname, 'janitor-process.ts'), directory], {
    stdio: ['pipe', 'ignore', 'pipe'],
    // Ctrl-C in the terminal is for us.
    detached: true,
  });
  let words = '';
  janitor.stderr.setEncoding('utf8').on('data', (text: string) => {
    words += text;
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    janitor.once('error', reject);
    janitor.once('close', resolve);
  });
  ended.catch(() => {});
  return async () => {
    janitor.stdin.end();
    if ((await ended) !== 0) throw new Error(`something is left of '${directory}':\n${words}`);
  };
}
