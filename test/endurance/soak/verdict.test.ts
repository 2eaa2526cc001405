import test from 'ava';
import { growthOf, problemsOf } from './verdict.ts';

/** A process, sampled every second. */
function lifeOf(
  seconds: number,
  bytesAt: (second: number) => number,
  handlesAt: (second: number) => number = () => 30,
  stageBytesAt: (second: number) => number = () => 0,
) {
  const samples = Array.from({ length: seconds }, (_, second) => {
    const stageBytes = stageBytesAt(second);
    return { seconds: second, bytes: bytesAt(second), handles: handlesAt(second), stageBytes };
  });
  return { name: 'hub', pid: 1, samples };
}

test('what a process takes at first does not count', (t) => {
  const growth = growthOf(lifeOf(300, (second) => (second < 60 ? second * 1e6 : 60e6)));
  t.deepEqual(growth?.bytes, [60e6, 60e6]);
});

test('a process that keeps what it takes is found, and so is one that keeps descriptors', (t) => {
  const growth = growthOf(
    lifeOf(
      660,
      (second) => 1e8 + second * 1e5,
      (second) => 30 + Math.floor(second / 60),
    ),
  )!;
  t.true(growth.bytes[1] - growth.bytes[0] > 40e6);
  t.deepEqual(growth.handles, [33, 40]);
});

test('moments of more memory or more descriptors do not count as growth', (t) => {
  const growth = growthOf(
    lifeOf(
      600,
      (second) => (second % 30 === 0 ? 3e8 : 1e8),
      (second) => (second % 100 === 99 ? 40 : 30),
    ),
  );
  t.deepEqual(growth?.bytes, [1e8, 1e8]);
  t.deepEqual(growth?.handles, [40, 40]);
});

test('a short life is not judged', (t) => {
  t.is(growthOf(lifeOf(150, () => 1e8)), undefined);
});

const steady = (): number => 30;

test('a process may take 20 MB more late in its life, and no more', (t) => {
  const growing = (bytes: number) => growthOf(lifeOf(660, (second) => 1e8 + (second < 330 ? 0 : bytes)))!;
  t.deepEqual(problemsOf(growing(19e6)), []);
  t.regex(problemsOf(growing(21e6)).join(), /^hub \(1\), 659 s: 100 → 121 MB, .*: more than 20 MB were added$/);
});

test('a board whose stage is larger late may take what that needs, and one that has always had it may not', (t) => {
  const jump = (second: number): number => 2e8 + (second < 330 ? 0 : 9e7);
  const larger = growthOf(lifeOf(660, jump, steady, (second) => (second < 330 ? 2e6 : 13e6)))!;
  t.deepEqual(problemsOf(larger), []);
  t.is(problemsOf(growthOf(lifeOf(660, jump, steady, () => 13e6))!).length, 1);
});

test('descriptors that are kept are a problem', (t) => {
  const growth = growthOf(
    lifeOf(
      660,
      () => 1e8,
      (second) => 30 + Math.floor(second / 60),
    ),
  )!;
  t.regex(problemsOf(growth).join(), /descriptors are added/);
});
