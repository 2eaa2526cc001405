export { type CalibrationOptions, calibrate } from './calibrate.ts';
export * from './errors.ts';
export { type MeasureOptions, measureStage, type StageSeconds } from './measure.ts';
export { type Measurer, startMeasurer } from './measurer.ts';
export { DEFAULT_PROFILES, loadProfile, profilePath, saveProfile } from './store.ts';
