export { buildSchedule } from './build.ts';
export {
  defaultSchedule,
  generateSchedule,
  parseScheduleName,
  type ScheduleName,
  scheduleNames,
  schedules,
} from './generators.ts';
export type {
  Instruction,
  MicroBatchInstruction,
  MicroBatchKind,
  Schedule,
  StageInstructions,
} from './instruction.ts';
export { addCommunication, fuseLossStage, stashSlots } from './passes.ts';
export {
  formatInstruction,
  formatInstructions,
  formatSchedule,
  parseInstructions,
  parseSchedule,
} from './text.ts';
export { defaultQueueCapacity, type ValidSchedule, validateSchedule } from './validate.ts';
