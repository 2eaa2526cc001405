import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { CHECKPOINTS, OUTPUT_LOG, RUN_LOG } from '../../../cli/runs/index.ts';

/** The most that was ever there of what a run writes while it goes on. */
export interface MostWritten {
  readonly runLogBytes: number;
  readonly outputBytes: number;
  /** Files of checkpoints: two each. */
  readonly checkpointFiles: number;
}

export const nothingWritten: MostWritten = { runLogBytes: 0, outputBytes: 0, checkpointFiles: 0 };

export async function mostOf(before: MostWritten, directory: string): Promise<MostWritten> {
  const size = async (name: string) => (await stat(join(directory, name)).catch(() => undefined))?.size ?? 0;
  const [runLog, output, former] = await Promise.all([size(RUN_LOG), size(OUTPUT_LOG), size(`${OUTPUT_LOG}.1`)]);
  const checkpoints = await readdir(join(directory, CHECKPOINTS)).catch(() => []);
  return {
    runLogBytes: Math.max(before.runLogBytes, runLog),
    outputBytes: Math.max(before.outputBytes, output + former),
    checkpointFiles: Math.max(before.checkpointFiles, checkpoints.length),
  };
}
