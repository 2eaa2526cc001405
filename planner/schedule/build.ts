import { generateSchedule, type ScheduleName } from './generators.ts';
import type { Schedule } from './instruction.ts';
import { addCommunication, fuseLossStage } from './passes.ts';
import { validateSchedule } from './validate.ts';

/**
 * The schedule that stages run: generated, the loss stage fused, communication added, and proven to run to its end.
 * Throws `CountError` unless both counts are at least 1.
 */
export function buildSchedule(name: ScheduleName, stages: number, microBatches: number): Schedule {
  const schedule = addCommunication(fuseLossStage(generateSchedule(name, stages, microBatches)));
  validateSchedule(schedule);
  return schedule;
}
