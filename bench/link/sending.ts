/** The sending process: does the jobs that come from its parent. Its arguments are the receiver's address, and how frames are proven. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { createMqttTransport, startBroker, type TensorMeta } from '../../broker/index.ts';
import {
  type Arrived,
  BROKER_PORT,
  benchFleet,
  CONTROL_PORT,
  cpuSeconds,
  type Job,
  type JobResult,
  now,
  RUN,
  TERM,
  type Wish,
} from './words.ts';

/** Sends under way at a time, as a stage that computes ahead has them; the link's credits hold them back. */
const SENDS_AT_ONCE = 4;

const [, , host = '', frames] = process.argv;
const { keyring, near } = benchFleet();
const broker = await startBroker({ host: '127.0.0.1', port: 0, identity: near, keyring });
const transport = createMqttTransport({ identity: near, keyring, broker, tags: frames === 'tagged' });
const sender = await transport.openSender({ to: 'far', url: `mqtt://${host}:${BROKER_PORT}`, run: RUN, term: TERM });
let sent = 0;

/** A connection to the receiving process that is ready for what is wished, and its answer to come. */
async function ask(wish: Wish): Promise<{ readonly socket: Socket; readonly arrived: Promise<Arrived> }> {
  const socket = connect({ host, port: CONTROL_PORT, noDelay: true });
  const lines = createInterface({ input: socket });
  socket.write(`${JSON.stringify(wish)}\n`);
  await once(lines, 'line');
  return { socket, arrived: once(lines, 'line').then(([line]) => JSON.parse(line) as Arrived) };
}

async function sendRaw(socket: Socket, payload: Uint8Array, count: number): Promise<void> {
  for (let at = 0; at < count; at += 1) {
    if (!socket.write(payload)) await once(socket, 'drain');
  }
}

/** A payload as a stage has it: in memory that its threads share. */
function createPayload(bytes: number): Uint8Array {
  const payload = new Uint8Array(new SharedArrayBuffer(bytes));
  for (let at = 0; at < bytes; at += 1) payload[at] = (at * 31) & 255;
  return payload;
}

function metaOf(bytes: number): TensorMeta {
  sent += 1;
  return { kind: 'activation', step: sent, microBatch: 0, slot: 0, dtype: 'float32', shape: [bytes / 4] };
}

/** `lanes` tensors at a time; each lane has a payload of its own, which says what number it is. */
async function sendTensors({ bytes, count }: Job, lanes: number, begun: number[]): Promise<void> {
  let left = count;
  const lane = async (): Promise<void> => {
    const payload = createPayload(bytes);
    const words = new Uint32Array(payload.buffer);
    while (left > 0) {
      left -= 1;
      const meta = metaOf(bytes);
      words[0] = meta.step;
      words[words.length - 1] = meta.step;
      begun.push(now());
      await sender.send(meta, payload);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}

async function work(job: Job): Promise<JobResult> {
  const { kind, bytes, count } = job;
  const isRaw = kind === 'raw';
  const payload = createPayload(bytes);
  const { socket, arrived } = await ask(isRaw ? { kind: 'raw', bytes: bytes * count } : { kind: 'tensors', count });
  const cpuBefore = cpuSeconds();
  const start = now();
  const begun: number[] = [];
  if (isRaw) await sendRaw(socket, payload, count);
  else await sendTensors(job, kind === 'latency' ? 1 : SENDS_AT_ONCE, begun);
  const answer = await arrived;
  const seconds = (now() - start) / 1000;
  const cpu = cpuSeconds() - cpuBefore + answer.cpuSeconds;
  socket.destroy();
  const milliseconds = kind === 'latency' ? answer.atMilliseconds.map((at, index) => at - begun[index]!) : [];
  return { seconds, cpuSeconds: cpu, milliseconds };
}

process.on('message', async (job: Job) => process.send!(await work(job)));
process.once('disconnect', async () => {
  await transport.close();
  await broker.close();
  process.exit();
});
process.send!('ready');
