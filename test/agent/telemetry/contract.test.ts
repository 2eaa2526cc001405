import test from 'ava';
import { sourceNames } from '../../../agent/telemetry/sources/index.ts';
import { boardNames } from './boards.ts';
import { absenceContract, sourceContract } from './source.contract.ts';

for (const name of sourceNames) {
  absenceContract(test, name);
  for (const board of boardNames) sourceContract(test, name, board);
}
