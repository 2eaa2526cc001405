/** The receiving process: a plain TCP server, and a board's broker and transport. Its arguments are its address, and how frames are proven. */
import { createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { BufferPool } from '../../agent/memory/index.ts';
import { createMqttTransport, type ReceivedTensor, startBroker } from '../../broker/index.ts';
import {
  type Arrived,
  BROKER_PORT,
  benchFleet,
  CONTROL_PORT,
  cpuSeconds,
  MAX_TENSOR_BYTES,
  now,
  RUN,
  TERM,
  type Wish,
} from './words.ts';

const READ_BYTES = 65_536;

const [, , host = '', frames] = process.argv;
const { keyring, far } = benchFleet();

let arrivals: number[] = [];
let onArrival: () => void = () => {};

function take({ payload, release }: ReceivedTensor): void {
  // A rate of wrong bytes is worth nothing: the sender writes its number at both ends.
  const words = new Uint32Array(payload.buffer);
  if (words[0] !== words[words.length - 1]) throw new Error(`tensor ${words[0]} ends with ${words[words.length - 1]}`);
  arrivals.push(now());
  release();
  onArrival();
}

/** Counts the bytes that follow the wish's line. */
async function receiveRaw(socket: Socket, bytes: number): Promise<void> {
  await new Promise<void>((resolve) => {
    let left = bytes;
    socket.on('data', (chunk) => {
      left -= chunk.length;
      if (left <= 0) resolve();
    });
    socket.write('ready\n');
    socket.resume();
  });
}

function receiveTensors(socket: Socket, count: number): Promise<void> {
  arrivals = [];
  return new Promise((resolve) => {
    onArrival = () => arrivals.length === count && resolve();
    socket.write('ready\n');
  });
}

async function serve(socket: Socket): Promise<void> {
  const lines = createInterface({ input: socket });
  const line = await new Promise<string>((resolve) => lines.once('line', resolve));
  lines.close();
  const wish = JSON.parse(line) as Wish;
  const before = cpuSeconds();
  if (wish.kind === 'raw') await receiveRaw(socket, wish.bytes);
  else await receiveTensors(socket, wish.count);
  const arrived: Arrived = {
    cpuSeconds: cpuSeconds() - before,
    atMilliseconds: wish.kind === 'raw' ? [] : arrivals,
  };
  socket.end(`${JSON.stringify(arrived)}\n`);
}

const broker = await startBroker({ host, port: BROKER_PORT, identity: far, keyring });
const transport = createMqttTransport({ identity: far, keyring, broker, tags: frames === 'tagged' });
const receiver = await transport.openReceiver({
  from: 'near',
  run: RUN,
  term: TERM,
  maxTensorBytes: MAX_TENSOR_BYTES,
  memory: new BufferPool(),
  onTensor: take,
});
const server = createServer({ noDelay: true, highWaterMark: READ_BYTES }, (socket) => {
  socket.on('error', () => {});
  serve(socket);
});
await new Promise<void>((resolve) => server.listen(CONTROL_PORT, host, resolve));
process.send!('ready');
process.once('disconnect', async () => {
  server.close();
  await receiver.close();
  await transport.close();
  await broker.close();
  process.exit();
});
