import { join } from 'node:path';
import { writeCheckpoint } from '../../agent/index.ts';
import type { CheckpointStore } from '../../planner/coordinator/index.ts';
import { CHECKPOINTS } from '../runs/index.ts';
import { whenThereIsSpace } from './disk.ts';
import type { RunContext } from './run-context.ts';
import { boardsBackOf } from './run-settings.ts';
import { runStateOf } from './settings.ts';

/** Writes checkpoints into the run's directory; a full disk is waited for, and said. */
export function checkpointStore(
  { run, checked, directory, resumed, input }: RunContext,
  say: (line: string) => void,
): CheckpointStore {
  const seconds = boardsBackOf(input);
  const before = resumed?.checkpoint.state.losses ?? [];
  return {
    write({ step, term, losses }, tensors, signal) {
      const state = runStateOf(run, checked, step, term, [...before, ...losses]);
      const byName = new Map(tensors.map(({ name, shape, data }) => [name, { shape, data }]));
      const write = () => writeCheckpoint(join(directory, CHECKPOINTS), { state, tensors: byName }, { signal });
      return whenThereIsSpace(`the checkpoint of step ${step}`, write, { seconds, say, signal });
    },
  };
}
