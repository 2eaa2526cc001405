import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import test from 'ava';
import { FewMap, FewSet, Recent } from '../../broker/few.ts';

test('a map of few keeps the order in which keys came, and an old key its place', (t) => {
  const map = new FewMap<string, number>();
  for (const [index, key] of ['a', 'b', 'c'].entries()) map.set(key, index);
  map.set('a', 7);
  t.deepEqual(map.entries(), [
    ['a', 7],
    ['b', 1],
    ['c', 2],
  ]);
  t.true(map.delete('b'));
  t.false(map.delete('b'));
  t.deepEqual(map.keys(), ['a', 'c']);
  t.deepEqual(map.values(), [7, 2]);
  t.deepEqual([map.has('b'), map.get('b'), map.get('c'), map.size], [false, undefined, 2, 2]);
  map.clear();
  t.is(map.size, 0);
});

test('whoever goes through the keys may delete them meanwhile', (t) => {
  const map = new FewMap<number, number>();
  for (let key = 0; key < 5; key += 1) map.set(key, key);
  for (const key of map.keys()) if (key % 2 === 0) map.delete(key);
  t.deepEqual(map.keys(), [1, 3]);
});

test('a set of few has each thing once', (t) => {
  const set = new FewSet<object>();
  const [one, other] = [{}, {}];
  for (const thing of [one, other, one]) set.add(thing);
  t.deepEqual(set.values(), [one, other]);
  t.deepEqual([set.delete(one), set.delete(one), set.size], [true, false, 1]);
  set.clear();
  t.is(set.size, 0);
});

test('of what came, the last are known, and at most twice as many', (t) => {
  const recent = new Recent<number>(4);
  for (let number = 0; number < 100; number += 1) {
    recent.add(number);
    const known = Array.from({ length: number + 1 }, (_, each) => each).filter((each) => recent.has(each));
    t.true(known.length >= Math.min(4, number + 1) && known.length <= 8);
    t.deepEqual(
      known,
      known.map((_, index) => number - known.length + 1 + index),
    );
  }
});

test('what has come and gone is collected with the young objects, however old the map is', (t) => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as (options?: { type: 'minor' }) => void;
  const map = new FewMap<number, object>();
  const churn = (from: number, count: number): void => {
    for (let key = from; key < from + count; key += 1) {
      map.set(key, new Array(100).fill(key));
      map.delete(key - 12);
    }
  };
  churn(0, 100);
  collect();
  collect();
  const before = process.memoryUsage().heapUsed;
  for (let round = 1; round <= 50; round += 1) {
    churn(100 * round, 100);
    collect({ type: 'minor' });
  }
  // As of a Map: 5,000 arrays of 800 bytes.
  t.true(process.memoryUsage().heapUsed - before < 1e6);
});
