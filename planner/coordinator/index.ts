/** The hub's loop: the fleet's state as events, what to do about it, and the one place that does it. */
export type { Action } from './actions.ts';
export { apply } from './apply.ts';
export { type Clock, systemClock } from './clock.ts';
export { runTraining } from './coordinator.ts';
export { decide } from './decide.ts';
export * from './errors.ts';
export type { Event } from './events.ts';
export {
  type BoardState,
  type FleetState,
  initialState,
  type Outcome,
  onlineBoards,
  type RunState,
  type StageState,
} from './state.ts';
export {
  type BoardTotals,
  type CheckpointState,
  type CheckpointStore,
  type Deadlines,
  defaultDeadlines,
  type Progress,
  type RunNeeds,
  type RunResult,
  type RunSettings,
  type StateTensor,
} from './types.ts';
