import { UnknownModelError } from '../errors.ts';
import { cifarnet } from './cifarnet.ts';
import { harcnn } from './harcnn.ts';
import { mlp } from './mlp.ts';
import { mobilenetv2 } from './mobilenetv2.ts';
import type { Model, ModelOptions } from './model.ts';
import { resnet18 } from './resnet18.ts';
import { vgg11 } from './vgg11.ts';

/** The models that Flotilla brings along, by name, each with the rank of the samples it takes. */
export const zoo = {
  vgg11: { build: vgg11, sampleRank: 3, sample: [3, 32, 32] },
  resnet18: { build: resnet18, sampleRank: 3, sample: [3, 32, 32] },
  mobilenetv2: { build: mobilenetv2, sampleRank: 3, sample: [3, 32, 32] },
  cifarnet: { build: cifarnet, sampleRank: 3, sample: [3, 32, 32] },
  harcnn: { build: harcnn, sampleRank: 2, sample: [9, 128] },
  mlp: { build: mlp, sampleRank: undefined, sample: [3, 32, 32] },
} as const;

export type ModelName = keyof typeof zoo;
export const modelNames = Object.keys(zoo) as readonly ModelName[];

export function isModelName(name: string): name is ModelName {
  return Object.hasOwn(zoo, name);
}

/** @throws UnknownModelError, ShapeError (where the sample's shape does not fit the model) */
export function buildModel(name: string, options: ModelOptions): Model {
  if (!isModelName(name)) throw new UnknownModelError(name, modelNames);
  return zoo[name].build(options);
}

export type { Model, ModelOptions } from './model.ts';
