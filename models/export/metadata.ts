import type { OnnxModel } from '../onnx/types.ts';
import type { Model } from '../zoo/model.ts';
import { ExportMetadataError, InferenceMetadataError } from './errors.ts';

/** What an exported file says of its inputs and outputs, in ONNX's `metadata_props`. */
export interface InferenceMetadata {
  readonly model: string;
  /** The name of each class, in the order of the logits. */
  readonly classes: readonly string[];
  /** Shape of one sample, without the batch axis. */
  readonly sampleShape: readonly number[];
  /**
   * A sample is fed as (value − mean[c]) ÷ std[c] of its channel c (its leading axis); values of images count in
   * units of 0 … 1, those of sensors in their own.
   */
  readonly normalization: { readonly mean: readonly number[]; readonly std: readonly number[] };
}

const version = '1';

/** The metadata as text. @throws ExportMetadataError where it contradicts the model */
export function writeMetadata(model: Model, metadata: Omit<InferenceMetadata, 'model' | 'sampleShape'>) {
  const { classes, normalization } = metadata;
  const { options } = model;
  if (classes.length !== options.classes) {
    throw new ExportMetadataError(
      model.name,
      `has ${options.classes} outputs, but there are ${classes.length} class names`,
    );
  }
  const channels = options.inputShape[0]!;
  for (const part of ['mean', 'std'] as const) {
    const values = normalization[part];
    if (
      values.length !== channels ||
      !values.every((value) => Number.isFinite(value) && (part === 'mean' || value > 0))
    ) {
      const found = JSON.stringify(values);
      throw new ExportMetadataError(
        model.name,
        `takes samples of ${channels} channels, but the ${part} of the normalisation is ${found}`,
      );
    }
  }
  return {
    'flotilla.version': version,
    'flotilla.model': model.name,
    'flotilla.classes': JSON.stringify(classes),
    'flotilla.sampleShape': JSON.stringify(options.inputShape),
    'flotilla.normalization': JSON.stringify({ mean: normalization.mean, std: normalization.std }),
  } as const;
}

/** Reads what `exportInference` wrote. @throws InferenceMetadataError for a file of other origin */
export function readMetadata({ metadata }: Pick<OnnxModel, 'metadata'>): InferenceMetadata {
  const found = field(metadata, 'version');
  if (found !== version) throw new InferenceMetadataError(`its metadata is of version '${found}', not ${version}`);
  const normalization = parsed(metadata, 'normalization', isNormalization);
  return {
    model: field(metadata, 'model'),
    classes: parsed(metadata, 'classes', isListOf<string>('string')),
    sampleShape: parsed(metadata, 'sampleShape', isListOf<number>('number')),
    normalization,
  };
}

type Metadata = OnnxModel['metadata'];

function field(metadata: Metadata, name: string): string {
  const value = metadata[`flotilla.${name}`];
  if (value === undefined) throw new InferenceMetadataError(`its metadata has no 'flotilla.${name}'`);
  return value;
}

function parsed<Value>(metadata: Metadata, name: string, is: (value: unknown) => value is Value): Value {
  const text = field(metadata, name);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The error below says it: text that is no JSON is no value of the right kind either.
  }
  if (!is(value)) throw new InferenceMetadataError(`its 'flotilla.${name}' is '${text}'`);
  return value;
}

function isListOf<Element>(type: 'string' | 'number') {
  return (value: unknown): value is readonly Element[] =>
    Array.isArray(value) && value.every((element) => typeof element === type);
}

function isNormalization(value: unknown): value is InferenceMetadata['normalization'] {
  const { mean, std } = (value ?? {}) as Record<string, unknown>;
  const isList = isListOf<number>('number');
  return isList(mean) && isList(std) && mean.length === std.length;
}
