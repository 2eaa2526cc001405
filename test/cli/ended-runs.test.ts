import test from 'ava';
import { connectClient, type Messenger, silent } from '../../broker/index.ts';
import { afterPhase, ENDED_RUNS_KEPT, type EndedRuns } from '../../cli/processes/ended-runs.ts';
import { startHub } from '../../cli/processes/hub.ts';
import { testFleet, until } from '../broker/helpers.ts';

const fleet = testFleet();
const { keyring } = fleet;
const hub = fleet.identity('hub');
const runs = (count: number) => Array.from({ length: count }, (_, index) => `mlp-${index}`);

test('of runs that are over the latest are kept; one that goes on again is not over', (t) => {
  const after = (ended: EndedRuns, run: string, phase: string) => afterPhase(ended, run, phase, 2);
  t.deepEqual(after(['a'], 'b', 'over'), { ended: ['a', 'b'], forgotten: [] });
  t.deepEqual(after(['a', 'b'], 'c', 'training'), { ended: ['a', 'b'], forgotten: [] });
  t.deepEqual(after(['a', 'b'], 'c', 'over'), { ended: ['b', 'c'], forgotten: ['a'] });
  t.deepEqual(after(['a', 'b'], 'a', 'gathering'), { ended: ['b'], forgotten: [] });
  t.deepEqual(after(['a', 'b'], 'a', 'over'), { ended: ['b', 'a'], forgotten: [] });
});

/** What a run says that is kept. */
async function says(messenger: Messenger, run: string, phase: string): Promise<void> {
  const progress = { steps: 9, loss: 1, samplesPerSecond: 1, secondsLeft: 0, seconds: 1, samples: 1 };
  await messenger.publish('runPlan', { run }, { kind: 'plan', run, term: 1, plan: { version: 1 } });
  const metrics = { kind: 'metrics', run, term: 1, step: 8, ...progress, boards: [], links: [] } as const;
  await messenger.publish('runMetrics', { run }, metrics);
  await messenger.publish('runState', { run }, { kind: 'state', run, term: 1, phase, step: 9 });
}

/** By topic, the runs of which the hub has kept something, as somebody who comes late gets it. */
async function keptRuns(
  url: string,
  count: number,
): Promise<Record<'runPlan' | 'runState' | 'runMetrics', readonly string[]>> {
  const client = await connectClient({ url, identity: fleet.identity('pi-3'), keyring });
  const heard = { runPlan: [] as string[], runState: [] as string[], runMetrics: [] as string[] };
  for (const name of ['runPlan', 'runState', 'runMetrics'] as const) {
    await client.subscribe(name, { run: '+' }, ({ topic }) => heard[name].push(topic.params.run!));
  }
  await until('what is retained', () => Object.values(heard).every((names) => names.length >= count));
  // One more exchange: what else was retained would be here by now.
  await client.subscribe('deviceState', { id: '+' }, () => {});
  await client.close();
  return heard;
}

test('the hub forgets all that was kept of runs that ended long ago, and nothing of one that goes on', async (t) => {
  const running = await startHub({ identity: hub, keyring, host: '127.0.0.1', port: 0, log: silent });
  t.teardown(() => running.close());
  // A run is a process of its own, with the hub's key.
  const run = await connectClient({ url: running.controlUrl, identity: hub, keyring, purpose: 'train' });
  t.teardown(() => run.close());
  await says(run, 'first', 'training');
  for (const name of runs(ENDED_RUNS_KEPT + 3)) await says(run, name, 'over');
  const expected = ['first', ...runs(ENDED_RUNS_KEPT + 3).slice(3)].sort();
  const kept = await keptRuns(running.controlUrl, expected.length);
  for (const names of Object.values(kept)) t.deepEqual(names.toSorted(), expected);
});
