import test from 'ava';
import type { ModelOp } from '../../models/index.ts';
import { formulations } from '../../models/lowering/formulations/index.ts';
import type { Case } from './support/cases/case.ts';
import { cases } from './support/cases.ts';
import { capabilitiesHere } from './support/engine.ts';
import { backwardOps, disagreements, referenceOf, subjectOf, variantsOf } from './support/gradient-check.ts';

const machine = await capabilitiesHere();
const ops = Object.keys(cases) as ModelOp[];

for (const op of ops) {
  for (const each of cases[op] as readonly Case<ModelOp>[]) {
    test(`the gradient of ${op} ${each.title} is its numeric derivative in every formulation`, async (t) => {
      const subject = subjectOf(op, each);
      const reference = await referenceOf(subject);
      for (const variant of variantsOf(subject, machine)) {
        t.deepEqual(await disagreements(subject, variant, reference), []);
      }
      // A gradient asked for alone leaves out the others' work, not its own.
      for (const input of subject.wanted.length > 1 ? subject.wanted : []) {
        const alone = { ...subject, wanted: [input] };
        t.deepEqual(await disagreements(alone, variantsOf(alone, [{ channelBlock: 0 }])[0]!, reference), []);
      }
    });
  }
}

test('every operation that a backward pass can hold occurs in the cases', (t) => {
  const met = new Set<string>(ops);
  for (const op of ops) {
    for (const each of cases[op] as readonly Case<ModelOp>[]) {
      for (const name of backwardOps(subjectOf(op, each))) met.add(name);
    }
  }
  t.deepEqual(
    Object.keys(formulations).filter((op) => !met.has(op)),
    [],
  );
});
