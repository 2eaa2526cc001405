export { type BoardSamples, defaultFitOptions, type FitOptions, type FittedModel, fitModel } from './base/fit.ts';
export { blockTimesOf, type PredictedTimes } from './block-times.ts';
export * from './errors.ts';
export {
  afterProbe,
  chooseTrials,
  learnAll,
  mostTelling,
  relativeErrors,
  type Trial,
  type Trials,
} from './evaluate.ts';
export {
  formatPredictor,
  type PredictorFile,
  parsePredictor,
  predictorVersion,
  type TrainedOn,
  trainedOn,
} from './file.ts';
export { type Guarded, guarded } from './guard.ts';
export {
  type BoardReport,
  leaveOneBoardOut,
  observationCounts,
  samplesOf,
} from './leave-one-out.ts';
export { type PredictorName, predictorNamed, predictorNames, predictors } from './predictors/index.ts';
export { type ProbeName, probeNames } from './probes.ts';
export {
  afterMeasurements,
  calibrationOptimizerSlots,
  checkEngine,
  type DeviceProfile,
  type EngineVersion,
  formatProfile,
  type ProfileMeasurement,
  parseProfile,
  stateOf,
} from './profile.ts';
export {
  formatRecording,
  noiseOf,
  parseRecording,
  type RecordedRow,
  type RecordedTrials,
  type Recording,
  type StageTrial,
  trialsOf,
} from './recording.ts';
export { graphOf, isProbe, probeSource, type Source, sameModel, sameSource, workName, worksOf } from './source.ts';
export { learnRows, rowsBeside, stageErrors } from './stage-errors.ts';
export type { Conditions, Learner, Observation, Observed, Prediction, Predictor, Refusal } from './types.ts';
export { blockWorks, type Pass, passes, stageWorks, type Work, type WorkOptions } from './work/work.ts';
