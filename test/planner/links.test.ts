import test from 'ava';
import {
  LinkObservationError,
  linkEstimate,
  linkSpread,
  nominalLink,
  observeTransfer,
  occupancySeconds,
  transferSeconds,
} from '../../planner/index.ts';
import { seededNumbers } from './examples.ts';

const close = (actual: number, expected: number, share: number) => Math.abs(actual - expected) <= share * expected;

test('a transfer takes the latency and its bytes, as they are on the wire, and the codec', (t) => {
  const link = { bytesPerSecond: 1e6, latencySeconds: 0.01, bytesRatio: 0.25, codecSecondsPerByte: 1e-8 };
  t.is(transferSeconds(link, 1e6), 0.01 + 0.25 + 0.01);
  t.is(occupancySeconds(link, 1e6), 0.26);
});

test('rate and latency are found from transfers of several sizes, with noise', (t) => {
  const random = seededNumbers(1);
  let estimate = linkEstimate();
  for (let k = 0; k < 200; k++) {
    const bytes = 1e4 * 100 ** random();
    const seconds = (0.004 + bytes / 12.5e6) * (0.95 + 0.1 * random());
    estimate = observeTransfer(estimate, { bytes, seconds });
  }
  t.true(close(estimate.model.bytesPerSecond, 12.5e6, 0.08));
  t.true(close(estimate.model.latencySeconds, 0.004, 0.15));
  t.true(linkSpread(estimate) > 0 && linkSpread(estimate) < 0.005);
});

test('transfers of one size alone still give their time', (t) => {
  let estimate = linkEstimate();
  for (let k = 0; k < 100; k++) estimate = observeTransfer(estimate, { bytes: 5e5, seconds: 0.05 });
  t.true(close(transferSeconds(estimate.model, 5e5), 0.05, 0.03));
});

test('a link that becomes slower is followed', (t) => {
  let estimate = linkEstimate();
  for (let k = 0; k < 100; k++)
    estimate = observeTransfer(estimate, { bytes: 1e5 * (1 + (k % 9)), seconds: 0.001 * (1 + (k % 9)) });
  for (let k = 0; k < 100; k++)
    estimate = observeTransfer(estimate, { bytes: 1e5 * (1 + (k % 9)), seconds: 0.01 * (1 + (k % 9)) });
  t.true(close(transferSeconds(estimate.model, 5e5), 0.05, 0.05));
});

test('an absurd transfer is counted and not learned from, an impossible one is refused', (t) => {
  let estimate = linkEstimate();
  for (let k = 0; k < 10; k++) estimate = observeTransfer(estimate, { bytes: 1e6, seconds: 0.01 });
  const after = observeTransfer(estimate, { bytes: 1e6, seconds: 100 });
  t.deepEqual(after.model, estimate.model);
  t.is(after.refused, 1);
  for (const seconds of [0, -1, Number.NaN]) {
    t.throws(() => observeTransfer(estimate, { bytes: 1e6, seconds }), { instanceOf: LinkObservationError });
  }
  t.throws(() => observeTransfer(estimate, { bytes: 0, seconds: 1 }), { instanceOf: LinkObservationError });
});

test('an estimate that has seen nothing is the first guess', (t) => {
  t.deepEqual(linkEstimate().model, nominalLink);
});
