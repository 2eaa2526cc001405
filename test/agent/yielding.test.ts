import { once } from 'node:events';
import { constants, getPriority } from 'node:os';
import { Worker } from 'node:worker_threads';
import test from 'ava';
import { mayYield, raiseSlowly } from '../../agent/engine/yielding.ts';
import { until } from '../broker/helpers.ts';

const { PRIORITY_LOW, PRIORITY_BELOW_NORMAL, PRIORITY_NORMAL } = constants.priority;

test('a thread that yields is raised where it waits for long, and its process is not', async (t) => {
  if (!mayYield()) return t.pass('skipped: only root on Linux may raise priorities');
  const own = getPriority(process.pid);
  const module = new URL('../../agent/engine/yielding-worker.ts', import.meta.url);
  const worker = new Worker(module, { workerData: {}, env: { ...process.env, ORT_DISABLE_TELEMETRY: '1' } });
  const [{ thread }] = await once(worker, 'message');
  t.is(getPriority(thread), PRIORITY_LOW);
  const end = raiseSlowly(thread, [
    { afterSeconds: 0.01, priority: PRIORITY_BELOW_NORMAL },
    { afterSeconds: 600, priority: PRIORITY_NORMAL },
  ]);
  await until('a higher priority', () => getPriority(thread) === PRIORITY_BELOW_NORMAL);
  end();
  t.is(getPriority(process.pid), own);
  worker.postMessage({ id: 0, call: 'dispose', args: [] });
  await once(worker, 'exit');
  // It is gone: nothing happens.
  raiseSlowly(thread, [{ afterSeconds: 0, priority: PRIORITY_NORMAL }]);
});
