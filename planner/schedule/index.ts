export { buildSchedule } from './build.ts';
export {
  defaultSchedule,
  generateSchedule,
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
export {
  defaultScheduleWish,
  parseScheduleWish,
  type ScheduleWish,
  schedulesOf,
  scheduleWishes,
} from './wish.ts';
