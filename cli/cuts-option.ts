import { type Cuts, cutKinds } from '../models/index.ts';
import { type Option, oneOf } from './options/index.ts';

/** Where a model may be cut; blocks, and the numbers by which `--split` calls them, follow from it. */
export const cutsOption: Option<Cuts | undefined> = oneOf(
  cutKinds,
  'where the model may be cut: only where one tensor crosses, or also where two do, inside residual blocks',
);
