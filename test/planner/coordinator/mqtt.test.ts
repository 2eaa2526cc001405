import test from 'ava';
import {
  connectClient,
  createFleet,
  createMessenger,
  createMqttTransport,
  type Identity,
  keyringOf,
  silent,
  startBroker,
} from '../../../broker/index.ts';
import { BoardLostError, type RunNeeds, type RunSettings, runTraining } from '../../../planner/coordinator/index.ts';
import { FakeBoard, lossOf, type Script, someSettings } from './fake-fleet.ts';

/** Hub and boards in one process, but over real MQTT: an embedded broker each. */
async function createMqttRig(settings: RunSettings, scripts: readonly Script[]) {
  const ids = scripts.map((_, at) => `pi-${at + 1}`);
  const { fleet, identities } = createFleet({ name: 'lab', boards: ids });
  const keyring = keyringOf(fleet);
  const closing: (() => Promise<void>)[] = [];
  const open = async (identity: Identity) => {
    const broker = await startBroker({ host: '127.0.0.1', port: 0, identity, keyring });
    const transport = createMqttTransport({ identity, keyring, broker });
    closing.unshift(async () => {
      await transport.close();
      await broker.close();
    });
    return { broker, transport };
  };
  const hub = await open(identities.get('hub')!);
  const boards = [];
  const stores = new Map();
  for (const [at, id] of ids.entries()) {
    const identity = identities.get(id)!;
    const { broker, transport } = await open(identity);
    const will = { name: 'deviceState', params: { id }, message: { kind: 'lost', board: id } } as const;
    const client = await connectClient({ url: hub.broker.url, identity, keyring, purpose: 'agent', will });
    closing.unshift(() => client.close());
    const script = scripts[at]!;
    const about = { identity, messenger: client, transport, settings, script, stores };
    const board = new FakeBoard({ ...about, dataUrl: broker.url });
    await board.start();
    boards.push({ id, cut: () => hub.broker.disconnect(id) });
  }
  const needs: RunNeeds = {
    messenger: createMessenger({ channel: hub.broker, identity: identities.get('hub')!, keyring, log: silent }),
    transport: hub.transport,
    hubUrl: hub.broker.url,
    checkpoints: { write: async ({ step }) => `checkpoint-${step}` },
  };
  const close = async (): Promise<void> => {
    for (const end of closing) await end();
  };
  return { needs, boards, close };
}

test('over real brokers: a run writes its checkpoints and finishes', async (t) => {
  const settings = someSettings({ steps: 6, checkpointEverySteps: 4 });
  const rig = await createMqttRig(settings, [{}, {}, {}]);
  try {
    const first = await runTraining(rig.needs, { ...settings, boards: 3 }, AbortSignal.timeout(60_000));
    t.deepEqual(first.losses, [0, 1, 2, 3, 4, 5].map(lossOf));
    t.is(first.checkpoint, 'checkpoint-6');
  } finally {
    await rig.close();
  }
});

test('over real brokers: state goes down to boards and comes up again', async (t) => {
  const settings = someSettings({ steps: 2 });
  const before = await createMqttRig(settings, [{}, {}]);
  const { tensors } = await runTraining(before.needs, settings, AbortSignal.timeout(60_000)).finally(before.close);
  const resumed = someSettings({ steps: 5, fromStep: 2, term: 2, restore: tensors });
  const after = await createMqttRig(resumed, [{}, {}]);
  const result = await runTraining(after.needs, resumed, AbortSignal.timeout(60_000)).finally(after.close);
  // A fake board's state is what was restored (2) and the steps it counts (5).
  t.true([...result.tensors.values()].every(({ data }) => data.every((value) => value === 7)));
});

test('over real brokers: a board whose connection ends is named', async (t) => {
  const settings = someSettings({ steps: 100_000 });
  const rig = await createMqttRig(settings, [{}, {}]);
  try {
    const onProgress = ({ step }: { step: number }): void => {
      if (step === 5) rig.boards[1]!.cut();
    };
    const running = runTraining({ ...rig.needs, onProgress }, settings, AbortSignal.timeout(60_000));
    const error = await t.throwsAsync(running, { instanceOf: BoardLostError });
    t.is(error.board, 'pi-2');
  } finally {
    await rig.close();
  }
});
