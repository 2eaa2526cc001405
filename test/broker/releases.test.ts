import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { Releases } from '../../broker/link/releases.ts';
import type { Allowance } from '../../broker/link/types.ts';
import { until } from './helpers.ts';

const activation = { kind: 'activation', bytes: 100 } as const;
const labels = { kind: 'labels', bytes: 8 } as const;

/** Releases of which three that are not told make the sender short. */
function releasesSeen() {
  const told: Allowance[] = [];
  const asked: Allowance[] = [];
  const releases = new Releases({
    isShort: (_, untold) => {
      asked.push(untold);
      return untold.tensors >= 3;
    },
    tell: () => {
      told.push(asked.at(-1)!);
      releases.told();
    },
  });
  return { releases, told, asked };
}

test('a credit is told at once where the sender may wait for it, with all that were not told', (t) => {
  const { releases, told } = releasesSeen();
  releases.add(activation);
  releases.add(activation);
  t.deepEqual(told, []);
  releases.add(activation);
  t.deepEqual(told, [{ tensors: 3, bytes: 300 }]);
});

test('credits of one kind do not count for another', (t) => {
  const { releases, told, asked } = releasesSeen();
  for (const held of [activation, labels, activation, labels]) releases.add(held);
  t.deepEqual(told, []);
  t.deepEqual(asked.at(-1), { tensors: 2, bytes: 16 });
  releases.told();
});

test('what a status of an arrival has told is not told again', async (t) => {
  const { releases, told, asked } = releasesSeen();
  releases.add(activation);
  releases.told();
  await sleep(400);
  t.deepEqual(told, []);
  releases.add(activation);
  t.is(asked.at(-1)!.tensors, 1);
  releases.told();
});

test('where nothing arrives the credit is told after a while', async (t) => {
  const { releases, told } = releasesSeen();
  releases.add(activation);
  await until('the credit is told', () => told.length > 0);
  t.deepEqual(told, [{ tensors: 1, bytes: 100 }]);
});
