export { type CalibrationOptions, calibrate, HOT_CELSIUS } from './calibrate.ts';
export { measureCodec } from './codec-cost.ts';
export * from './errors.ts';
export {
  type Call,
  type MeasureOptions,
  measureStage,
  runCalls,
  type StageCalls,
  type StageSeconds,
  stageCalls,
  windows,
} from './measure.ts';
export { type Measurer, startMeasurer } from './measurer.ts';
export { DEFAULT_PROFILES, loadProfile, profilePath, saveProfile } from './store.ts';
export {
  type LinkPlace,
  measuredLink,
  measureLink,
  measureMessages,
  messageCostOf,
  openProbeReceiver,
} from './transfers.ts';
