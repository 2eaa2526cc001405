export { type Augmentation, type AugmentationDraw, augment, drawAugmentation, FLIP_AND_CROP } from './augment.ts';
export { type BatchSource, type BatchSourceOptions, batchSource, type MicroBatch, orderedBatches } from './batches.ts';
export { type DataSet, type Split, sampleLength } from './data_set.ts';
export { encodePng } from './decode_image.ts';
export * from './errors.ts';
export type { Normalization } from './normalization.ts';
export { DEFAULT_DATA, type OpenDataSetOptions, openDataSet, openTrainAndTest } from './open.ts';
export { DATA_FORMATS } from './recognise.ts';
