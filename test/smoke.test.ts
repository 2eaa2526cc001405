import test from 'ava';

test('the test runner strips types', (t) => {
  const n: number = 1;
  t.is(n, 1);
});
