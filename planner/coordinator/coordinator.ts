import type { RunNeeds, RunResult, RunSettings } from './types.ts';

/** Trains a model on boards of the fleet. */
export async function runTraining(_needs: RunNeeds, settings: RunSettings, _signal?: AbortSignal): Promise<RunResult> {
  throw new Error(`run ${settings.run}: the coordinator is being written`);
}
