import test, { type ExecutionContext } from 'ava';
import {
  createMqttTransport,
  type LinkReceiver,
  type LinkSender,
  MAX_FRAME_PAYLOAD_BYTES,
  type ReceivedTensor,
} from '../../../broker/index.ts';
import { startTestBroker, testFleet, within } from '../helpers.ts';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts';

/** A real link over a wire on which things can be done to the bytes. */
interface Wired {
  readonly proxy: TcpProxy;
  readonly sender: LinkSender;
  readonly receiver: LinkReceiver;
  readonly steps: number[];
  /** Where the sender is to connect from now on. */
  moveTo(port: number): void;
  readonly brokerPort: number;
  send(step: number): Promise<void>;
}

const ELEMENTS = (2 * MAX_FRAME_PAYLOAD_BYTES) / 4 + 7;
const RUN = 'run-1';

async function wire(t: ExecutionContext, patienceMilliseconds = 30_000): Promise<Wired> {
  const fleet = testFleet();
  const [own, other] = await Promise.all([startTestBroker(fleet, 'pi-1'), startTestBroker(fleet, 'pi-2')]);
  const proxy = await startTcpProxy(other.port);
  let address: string | undefined;
  const needs = (id: string) => ({ identity: fleet.identity(id), keyring: fleet.keyring });
  const sending = createMqttTransport({ ...needs('pi-1'), broker: own, addressOf: () => address });
  const receiving = createMqttTransport({ ...needs('pi-2'), broker: other });
  t.teardown(async () => {
    await Promise.all([sending.close(), receiving.close()]);
    await proxy.close();
    await Promise.all([own.close(), other.close()]);
  });
  const steps: number[] = [];
  const onTensor = ({ meta, payload, release }: ReceivedTensor): void => {
    const values = new Float32Array(payload.buffer);
    t.true(values[0] === meta.step && values[ELEMENTS - 1] === meta.step, `step ${meta.step}`);
    steps.push(meta.step);
    release();
  };
  const maxTensorBytes = 4 * ELEMENTS;
  const receiver = await receiving.openReceiver({ from: 'pi-1', run: RUN, term: 1, maxTensorBytes, onTensor });
  const url = `mqtt://127.0.0.1:${proxy.port}`;
  const sender = await sending.openSender({ to: 'pi-2', url, run: RUN, term: 1, patienceMilliseconds });
  return {
    proxy,
    sender,
    receiver,
    steps,
    brokerPort: other.port,
    moveTo(port) {
      address = `mqtt://127.0.0.1:${port}`;
    },
    send(step) {
      const meta = { kind: 'activation', step, microBatch: 0, slot: 0, dtype: 'float32', shape: [ELEMENTS] } as const;
      return sender.send(meta, new Float32Array(ELEMENTS).fill(step));
    },
  };
}

for (const at of [500_000, MAX_FRAME_PAYLOAD_BYTES + 600_000, 2 * MAX_FRAME_PAYLOAD_BYTES + 900]) {
  test.serial(
    `a byte that changes on the way, at ${at}, makes its frame fail, and the frame comes again`,
    async (t) => {
      const { proxy, send, steps, receiver, sender } = await wire(t);
      await send(0);
      proxy.spoil(at);
      await within('three tensors', Promise.all([1, 2, 3].map(send)));
      t.deepEqual(
        steps.toSorted((a, b) => a - b),
        [0, 1, 2, 3],
      );
      const { refused } = receiver.stats;
      t.true((refused['bad-digest'] ?? 0) + (refused['bad-signature'] ?? 0) >= 1, JSON.stringify(refused));
      t.true(sender.stats.resent >= 1);
      t.is(sender.stats.reconnects, 0);
    },
  );
}

test.serial('a connection that breaks in the middle of a tensor is taken up where it broke', async (t) => {
  const { proxy, send, steps, sender } = await wire(t);
  await send(0);
  // In the fourth frame, whoever is the faster.
  proxy.cutAfter(3 * MAX_FRAME_PAYLOAD_BYTES + 400_000);
  await within('all', Promise.all([1, 2, 3, 4, 5].map(send)));
  t.deepEqual(
    steps.toSorted((a, b) => a - b),
    [0, 1, 2, 3, 4, 5],
  );
  t.is(sender.stats.reconnects, 1);
});

test.serial('a reader that stands still holds the sender, in bounded memory, and then all goes on', async (t) => {
  const { proxy, send, steps, sender } = await wire(t);
  await send(0);
  proxy.stall();
  const sending = Promise.all(Array.from({ length: 20 }, (_, index) => send(index + 1)));
  await new Promise((resolve) => setTimeout(resolve, 700));
  // Three tensors by their credits, three chunks each; no more was even signed.
  t.true(sender.stats.frames <= 3 + 9, `${sender.stats.frames} frames`);
  proxy.resume();
  await within('all', sending);
  t.is(steps.length, 21);
});

test.serial('a board whose address changes is followed', async (t) => {
  const { proxy, send, steps, moveTo, brokerPort, sender } = await wire(t);
  await send(0);
  const elsewhere = await startTcpProxy(brokerPort);
  t.teardown(() => elsewhere.close());
  moveTo(elsewhere.port);
  await proxy.close();
  await within('the next', send(1));
  t.deepEqual(steps, [0, 1]);
  t.is(sender.stats.reconnects, 1);
});

test.serial('a wire that spoils the same tensor four times breaks the link, with the reason', async (t) => {
  const { proxy, send, sender } = await wire(t);
  await send(0);
  proxy.spoil(300_000, 300_000);
  await within('the end', t.throwsAsync(send(1), { code: 'LINK_LOST', message: /refused activation of step 1/ }));
  t.is(((await sender.ended) as { code?: string } | undefined)?.code, 'LINK_LOST');
});
