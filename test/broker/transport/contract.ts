import type { ExecutionContext, TestFn } from 'ava';
import {
  createFrame,
  type DataType,
  type FrameHeader,
  type Identity,
  type LinkReceiver,
  type LinkSender,
  MAX_FRAME_PAYLOAD_BYTES,
  type ReceivedTensor,
  type ReceiverOptions,
  type SenderOptions,
  sealFrame,
  type TensorMeta,
  type Transport,
} from '../../../broker/index.ts';
import { type MemoryLog, memoryLog, type TestFleet, testFleet, testHeader, until, within } from '../helpers.ts';

/** Two boards, pi-1 and pi-2, that can open links to each other; pi-1 sends in this suite. */
export interface Ends {
  readonly sending: Transport;
  readonly receiving: Transport;
  /** Address of pi-2's broker. */
  readonly url: string;
  /** Puts bytes where the frames of pi-1 → pi-2 arrive, whoever they are of. */
  inject(frame: Buffer): Promise<void>;
  /** Breaks the connection under the link; it comes back. */
  cut(): void;
  /** Breaks it for good. */
  unplug(): Promise<void>;
  close(): Promise<void>;
}

/** `timeoutMilliseconds`: the deadline of the transports' waits, where it is to be a near one. */
export type OpenEnds = (fleet: TestFleet, log: MemoryLog['log'], timeoutMilliseconds?: number) => Promise<Ends>;

const RUN = 'run-1';
const TERM = 3;

interface Room {
  readonly fleet: TestFleet;
  readonly ends: Ends;
  readonly log: MemoryLog;
  readonly sender: LinkSender;
  readonly receiver: LinkReceiver;
  /** In order of arrival. */
  readonly tensors: ReceivedTensor[];
}

const meta = (overrides: Partial<TensorMeta> & { elements?: number } = {}): TensorMeta => {
  const { elements = 4, ...rest } = overrides;
  return { kind: 'activation', step: 1, microBatch: 0, slot: 0, dtype: 'float32', shape: [elements], ...rest };
};

const floats = (count: number, start = 0): Float32Array => Float32Array.from({ length: count }, (_, at) => start + at);
const floatsOf = ({ payload }: ReceivedTensor): Float32Array => new Float32Array(payload.buffer);

/** Runs the contract that every transport keeps; `tags` says whether its ends agree on sessions. */
export function transportContract(test: TestFn, name: string, openEnds: OpenEnds, tags = true): void {
  const open = async (
    t: ExecutionContext,
    overrides: Partial<ReceiverOptions> = {},
    how: Partial<SenderOptions> = {},
  ): Promise<Room> => {
    const fleet = testFleet();
    const log = memoryLog();
    const ends = await openEnds(fleet, log.log);
    t.teardown(() => ends.close());
    const tensors: ReceivedTensor[] = [];
    const receiver = await ends.receiving.openReceiver({
      from: 'pi-1',
      run: RUN,
      term: TERM,
      maxTensorBytes: 16 * MAX_FRAME_PAYLOAD_BYTES,
      onTensor: (tensor) => tensors.push(tensor),
      ...overrides,
    });
    const sender = await ends.sending.openSender({ to: 'pi-2', url: ends.url, run: RUN, term: TERM, ...how });
    return { fleet, ends, log, sender, receiver, tensors };
  };

  /** A frame as pi-1 would sign it, later than everything the sender sent. */
  const forge = (room: Room, overrides: Partial<FrameHeader> = {}, signer?: Identity): Buffer => {
    const header = testHeader({ incarnation: Date.now() + 1_000_000, term: TERM, run: RUN, ...overrides });
    const { frame, payload } = createFrame(header.payloadBytes);
    payload.fill(1);
    sealFrame(frame, header, signer ?? room.fleet.identity('pi-1'));
    return frame;
  };

  const refusals = (room: Room, reason: string, count = 1): Promise<void> =>
    until(`${count} of ${reason}`, () => {
      const { refused } = room.receiver.stats;
      return (refused as Record<string, number>)[reason] === count;
    });

  test(`${name}: tensors arrive in order, with their meta data and bytes`, async (t) => {
    const room = await open(t);
    const dtypes: readonly DataType[] = ['float32', 'int32', 'float32'];
    for (const [microBatch, dtype] of dtypes.entries()) {
      await room.sender.send(meta({ microBatch, dtype, shape: [2, 2] }), floats(4, microBatch));
    }
    await until('three tensors', () => room.tensors.length === 3);
    for (const [microBatch, tensor] of room.tensors.entries()) {
      t.like(tensor.meta, { kind: 'activation', step: 1, microBatch, slot: 0, name: '', run: RUN, term: TERM });
      t.like(tensor.meta, { from: 'pi-1', to: 'pi-2', sequence: microBatch, dtype: dtypes[microBatch]! });
      t.deepEqual([...tensor.meta.shape], [2, 2]);
      t.deepEqual(floatsOf(tensor), floats(4, microBatch));
    }
    t.deepEqual({ ...room.receiver.stats.refused }, {});
  });

  test(`${name}: encoded tensors keep their codec, and state its name`, async (t) => {
    const room = await open(t);
    const params = Uint8Array.from({ length: 16 }, (_, at) => at);
    const encoded = {
      ...meta({ kind: 'state-down', shape: [64, 3, 3] }),
      name: 'conv1.weight',
      codec: { id: 4, params },
    };
    await room.sender.send(encoded, Uint8Array.of(9, 8, 7));
    await until('the tensor', () => room.tensors.length === 1);
    const [tensor] = room.tensors;
    t.deepEqual(tensor!.meta.codec, { id: 4, params });
    t.is(tensor!.meta.name, 'conv1.weight');
    t.deepEqual([...tensor!.payload], [9, 8, 7]);
  });

  test(`${name}: a tensor of several chunks comes out whole, its bytes at the start of their buffer`, async (t) => {
    const room = await open(t);
    const elements = (3 * MAX_FRAME_PAYLOAD_BYTES) / 4 + 5;
    const big = floats(elements);
    await room.sender.send(meta({ shape: [elements] }), big);
    // When send resolves the memory is ours again.
    big.fill(0);
    await until('the tensor', () => room.tensors.length === 1);
    t.is(room.tensors[0]!.payload.byteOffset, 0);
    t.deepEqual(floatsOf(room.tensors[0]!), floats(elements));
    t.is(room.sender.stats.frames, 4);
    t.is(room.receiver.stats.frames, 4);
  });

  test(`${name}: empty tensors and views into larger arrays are sent as they are`, async (t) => {
    const room = await open(t);
    await room.sender.send(meta({ shape: [0] }), new Float32Array(0));
    await room.sender.send(meta({ shape: [2], microBatch: 1 }), floats(10).subarray(3, 5));
    await until('both', () => room.tensors.length === 2);
    t.is(room.tensors[0]!.payload.length, 0);
    t.deepEqual(floatsOf(room.tensors[1]!), Float32Array.of(3, 4));
  });

  test(`${name}: without credits the sender waits, and release lets it go on`, async (t) => {
    const room = await open(t, { credits: { activation: 2 } });
    let sent = 0;
    const sending = Promise.all(
      [0, 1, 2, 3].map((microBatch) =>
        room.sender.send(meta({ microBatch }), floats(4)).then(() => {
          sent += 1;
        }),
      ),
    );
    await until('two tensors', () => room.tensors.length === 2);
    await until('both to be known to have arrived', () => sent === 2);
    await new Promise((resolve) => setTimeout(resolve, 30));
    t.is(sent, 2);
    t.is(room.tensors.length, 2);
    // A consumer that waits for labels may hold all its activations: kinds do not share credits.
    await room.sender.send(meta({ kind: 'labels', dtype: 'int64', shape: [1] }), new Uint8Array(8));
    await until('the labels', () => room.tensors.length === 3);
    room.tensors[0]!.release();
    room.tensors[0]!.release();
    await until('one more', () => sent === 3);
    room.tensors[1]!.release();
    await within('all', sending);
    await until('all of them', () => room.tensors.length === 5);
    t.true(room.sender.stats.creditWaitSeconds > 0);
  });

  test(`${name}: of short tensors more are under way than of long ones, but no more bytes than of three`, async (t) => {
    const room = await open(t, { maxTensorBytes: 4000 });
    let microBatch = 0;
    const held = async (expected: number, lengths: readonly number[]): Promise<void> => {
      const ending = new AbortController();
      const sending = lengths.map((elements) => {
        microBatch += 1;
        return room.sender.send(meta({ microBatch, elements }), floats(elements), ending.signal);
      });
      const settled = Promise.allSettled(sending);
      await until(`${expected} tensors`, () => room.tensors.length === expected);
      await new Promise((resolve) => setTimeout(resolve, 30));
      t.is(room.tensors.length, expected);
      ending.abort(new Error('enough'));
      await settled;
      for (const tensor of room.tensors.splice(0)) tensor.release();
    };
    await held(3, new Array(5).fill(1000));
    await held(12, new Array(14).fill(10));
    // The last long one has no room, and the short one behind it waits its turn.
    await held(3, [500, 1000, 1000, 1000, 10]);
  });

  test(`${name}: frames are tagged as soon as a session is agreed, unless an end wants them signed`, async (t) => {
    const room = await open(t, { onTensor: (tensor) => tensor.release() });
    const { sender } = room;
    for (let step = 0; step < 20; step += 1) await sender.send(meta({ step }), floats(4));
    const { tagged, frames } = sender.stats;
    t.true(tags ? tagged > 0 && tagged <= frames : tagged === 0, `${tagged} of ${frames}`);
    t.deepEqual({ ...room.receiver.stats.refused }, {});
  });

  test(`${name}: many tensors pass through few credits, and buffers are used again`, async (t) => {
    const buffers = new Set<ArrayBufferLike>();
    let arrived = 0;
    const room = await open(t, {
      onTensor: (tensor) => {
        buffers.add(tensor.payload.buffer);
        arrived += 1;
        tensor.release();
      },
    });
    for (let step = 0; step < 100; step += 1) await room.sender.send(meta({ step, elements: 256 }), floats(256));
    await until('all', () => arrived === 100);
    t.true(buffers.size <= 3, `${buffers.size} buffers`);
    t.is(room.sender.stats.tensors, 100);
    t.is(room.receiver.stats.tensors, 100);
    // What one end sends the other receives: frames one way, credits the other.
    await until('the credits', () => room.sender.stats.bytesReceived >= room.receiver.stats.bytesSent);
    t.is(room.sender.stats.bytesSent, room.receiver.stats.bytesReceived);
    for (const [end, parts] of [
      [room.sender, ['digest', 'sign']],
      [room.receiver, ['copy', 'digest', 'verify']],
    ] as const) {
      for (const part of parts) t.true(end.stats.seconds[part] > 0, part);
    }
  });

  test(`${name}: sending ends with its signal, also while it waits for a credit`, async (t) => {
    const room = await open(t, { credits: { activation: 1 } });
    await room.sender.send(meta(), floats(4));
    const abort = new AbortController();
    const waiting = room.sender.send(meta({ microBatch: 1 }), floats(4), abort.signal);
    abort.abort(new Error('stop it'));
    await t.throwsAsync(within('the end', waiting), { message: 'stop it' });
    await t.throwsAsync(room.sender.send(meta(), floats(4), AbortSignal.abort(new Error('no'))), { message: 'no' });
    // Whoever gave up took no credit with it.
    await until('the tensor', () => room.tensors.length === 1);
    room.tensors[0]!.release();
    await within('the next', room.sender.send(meta({ microBatch: 2 }), floats(4)));
  });

  test(`${name}: a tensor given up in the middle is dropped, and the next one arrives`, async (t) => {
    const room = await open(t);
    const abort = new AbortController();
    const elements = (8 * MAX_FRAME_PAYLOAD_BYTES) / 4;
    const sending = room.sender.send(meta({ shape: [elements] }), new Float32Array(elements), abort.signal);
    await until('a first chunk', () => room.receiver.stats.frames > 0);
    abort.abort(new Error('given up'));
    await t.throwsAsync(within('the end', sending), { message: 'given up' });
    await room.sender.send(meta({ microBatch: 1 }), floats(4));
    await until('the next', () => room.tensors.at(-1)?.meta.microBatch === 1);
    // It may have arrived before it was given up: then all of it.
    for (const { payload } of room.tensors.slice(0, -1)) t.is(payload.length, 4 * elements);
  });

  test(`${name}: closing releases everybody who waits`, async (t) => {
    const room = await open(t, { credits: { activation: 1 } });
    await room.sender.send(meta(), floats(4));
    const waiting = room.sender.send(meta({ microBatch: 1 }), floats(4));
    await within('closing', Promise.all([t.throwsAsync(waiting, { code: 'CLOSED' }), room.sender.close()]));
    t.is(await within('the end', room.sender.ended), undefined);
    await t.throwsAsync(room.sender.send(meta({ microBatch: 2 }), floats(4)), { code: 'CLOSED' });
    await room.receiver.close();
    await room.receiver.close();
    // What the consumer still holds stays valid.
    t.deepEqual(floatsOf(room.tensors[0]!), floats(4));
    room.tensors[0]!.release();
  });

  test(`${name}: a connection that stays away ends the link by name`, async (t) => {
    const room = await open(t, { credits: { activation: 1 } }, { patienceMilliseconds: 100 });
    await room.sender.send(meta(), floats(4));
    const waiting = room.sender.send(meta({ microBatch: 1 }), floats(4));
    await room.ends.unplug();
    await within('the loss', t.throwsAsync(waiting, { code: 'LINK_LOST', message: /pi-1 → pi-2/ }));
    const error = await within('the end', room.sender.ended);
    t.is((error as { code?: string } | undefined)?.code, 'LINK_LOST');
  });

  test(`${name}: a connection that is cut again and again loses nothing and doubles nothing`, async (t) => {
    const seen: number[] = [];
    // Two chunks.
    const elements = MAX_FRAME_PAYLOAD_BYTES / 4 + 3;
    const held: ReceivedTensor[] = [];
    const room = await open(t, {
      onTensor(tensor) {
        const values = floatsOf(tensor);
        t.deepEqual([values[0], values[elements - 1]], [tensor.meta.step, tensor.meta.step]);
        seen.push(tensor.meta.step);
        // One is always in the consumer's hands, so that its credit falls due while there is no connection.
        held.push(tensor);
        if (held.length > 1) held.shift()!.release();
      },
    });
    const steps = 24;
    // Only where something came through since the last cut: on a slow machine nothing might between two of them.
    let seenAtCut = -1;
    const cutting = setInterval(() => {
      if (seen.length === seenAtCut) return;
      seenAtCut = seen.length;
      room.ends.cut();
    }, 150);
    t.teardown(() => clearInterval(cutting));
    const lane = async (first: number): Promise<void> => {
      for (let step = first; step < steps; step += 3) {
        await room.sender.send(meta({ step, elements }), new Float32Array(elements).fill(step));
        await new Promise((resolve) => setTimeout(resolve, 40));
      }
    };
    await within('all', Promise.all([0, 1, 2].map(lane)), 60_000);
    clearInterval(cutting);
    t.deepEqual(
      seen.toSorted((a, b) => a - b),
      Array.from({ length: steps }, (_, step) => step),
    );
    t.true(room.sender.stats.reconnects > 0);
    // All credits but that of the one still held are there: the link is as good as new.
    for (const step of [100, 101, 102, 103]) {
      await within(`step ${step}`, room.sender.send(meta({ step, elements }), new Float32Array(elements).fill(step)));
    }
  });

  test(`${name}: what is urgent goes past a long activation`, async (t) => {
    const room = await open(t);
    const elements = (8 * MAX_FRAME_PAYLOAD_BYTES) / 4;
    const long = room.sender.send(meta({ elements }), new Float32Array(elements));
    const later = room.sender.send(meta({ step: 2 }), floats(4));
    const gradient = room.sender.send(meta({ kind: 'gradient', step: 2 }), floats(4));
    const labels = room.sender.send(meta({ kind: 'labels', dtype: 'int32', step: 2 }), floats(4));
    await within('all', Promise.all([long, later, gradient, labels]));
    t.deepEqual(
      room.tensors.map(({ meta: { kind, step } }) => `${kind} ${step}`),
      ['labels 2', 'gradient 2', 'activation 1', 'activation 2'],
    );
  });

  test(`${name}: a frame that came to harm is sent again`, async (t) => {
    const room = await open(t, { credits: { activation: 2 } });
    // Garbage on the topic makes the receiver say so, and the sender ask; nothing is missing, so nothing is sent again.
    await room.ends.inject(Buffer.from('garbage'));
    await room.sender.send(meta(), floats(4));
    await refusals(room, 'too-short');
    await until('the tensor', () => room.tensors.length === 1);
    t.is(room.sender.stats.resent, 0);
  });

  test(`${name}: a tensor that its receiver cannot use is asked for three times more, then the link is broken`, async (t) => {
    const room = await open(t, { judge: ({ codec }) => (codec.id === 200 ? 'unknown-codec' : null) });
    await room.sender.send(meta(), floats(4));
    const codec = { id: 200, params: new Uint8Array(16) };
    const unknown = room.sender.send({ ...meta({ microBatch: 1 }), codec }, floats(4));
    await within('the end', t.throwsAsync(unknown, { code: 'LINK_LOST', message: /unknown-codec/ }));
    t.is(room.receiver.stats.refused['unknown-codec'], 4);
    t.is(room.sender.stats.resent, 4);
    t.is(room.tensors.length, 1);
    const error = await within('the end', room.sender.ended);
    t.regex(String(error?.message), /pi-2 refused activation of step 1, micro-batch 1/);
  });

  test(`${name}: bad parameters of a codec that is known are turned away as an unknown codec is`, async (t) => {
    const room = await open(t, { judge: ({ codec }) => (codec.params[0] === 9 ? 'bad-encoding' : null) });
    const codec = { id: 2, params: Uint8Array.of(9, ...new Array(15).fill(0)) };
    const bad = room.sender.send({ ...meta(), codec }, floats(4));
    await within('the end', t.throwsAsync(bad, { code: 'LINK_LOST', message: /bad-encoding/ }));
    t.is(room.receiver.stats.refused['bad-encoding'], 4);
    t.is(room.tensors.length, 0);
  });

  test(`${name}: what only all of a tensor shows is asked for three times more, then the link is broken`, async (t) => {
    let examined = 0;
    const examine = ({ microBatch }: FrameHeader, payload: Uint8Array) => {
      const isBad = microBatch === 1 || (microBatch === 0 && examined++ === 0);
      return isBad && payload.length > MAX_FRAME_PAYLOAD_BYTES ? 'bad-encoding' : null;
    };
    const elements = MAX_FRAME_PAYLOAD_BYTES / 4 + 1;
    const room = await open(t, { examine });
    await within('once refused, once taken', room.sender.send(meta({ elements }), floats(elements)));
    t.deepEqual(floatsOf(room.tensors[0]!), floats(elements));
    t.is(room.receiver.stats.refused['bad-encoding'], 1);
    const bad = room.sender.send(meta({ microBatch: 1, elements }), floats(elements));
    await within('the end', t.throwsAsync(bad, { code: 'LINK_LOST', message: /bad-encoding/ }));
    t.is(room.receiver.stats.refused['bad-encoding'], 5);
    t.is(room.tensors.length, 1);
  });

  // Before the others, which keep the process busy for longer than its near deadline.
  test.serial(`${name}: a sender waits for its receiver, and not for ever`, async (t) => {
    const fleet = testFleet();
    const ends = await openEnds(fleet, () => {}, 2_000);
    t.teardown(() => ends.close());
    const options = { to: 'pi-2', url: ends.url, run: RUN, term: TERM };
    const opening = ends.sending.openSender(options);
    const receiver = await ends.receiving.openReceiver({
      from: 'pi-1',
      run: RUN,
      term: TERM,
      maxTensorBytes: 100,
      onTensor: () => {},
    });
    const sender = await within('opening', opening);
    t.is(sender.to, 'pi-2');
    await sender.close();
    await receiver.close();
    await t.throwsAsync(ends.sending.openSender({ ...options, signal: AbortSignal.timeout(100) }));
    await t.throwsAsync(ends.sending.openSender(options), { code: 'DEADLINE', message: /pi-2 to open its end/ });
  });

  test(`${name}: a tensor above the agreed size is refused on both sides`, async (t) => {
    const room = await open(t, { maxTensorBytes: 16 });
    await t.throwsAsync(room.sender.send(meta({ elements: 5 }), floats(5)), {
      code: 'TENSOR_TOO_LARGE',
      message: /20 bytes exceeds the 16 bytes/,
    });
    await room.ends.inject(forge(room, { shape: [5], payloadBytes: 20, totalBytes: 20 }));
    await refusals(room, 'tensor-too-large');
    t.is(room.tensors.length, 0);
  });

  test(`${name}: a tensor that breaks the layout is the caller's error and takes no credit`, async (t) => {
    const room = await open(t, { credits: { activation: 1 } });
    await t.throwsAsync(room.sender.send(meta({ shape: [3] }), floats(4)), { code: 'INVALID_FRAME', message: /shape/ });
    await within('the next', room.sender.send(meta(), floats(4)));
    await until('the tensor', () => room.tensors.length === 1);
  });

  test(`${name}: altered, unsigned, unknown, revoked and misplaced frames change nothing and are counted`, async (t) => {
    const room = await open(t);
    const { fleet, ends } = room;
    const whole = forge(room);
    const altered = Buffer.from(whole);
    altered[altered.length - 1] = 2;
    const unsigned = Buffer.from(whole);
    unsigned.fill(0, 384, 448);
    const wrong: readonly [reason: string, frame: Buffer][] = [
      ['too-short', Buffer.from('garbage')],
      ['bad-digest', altered],
      ['bad-signature', unsigned],
      ['other-link', forge(room, { to: 'pi-3' })],
      ['other-link', forge(room, { from: 'stranger' }, fleet.identity('stranger'))],
      ['other-fleet', forge(room, { fleet: 'other' })],
      ['older-term', forge(room, { term: TERM - 1 })],
      ['newer-term', forge(room, { term: TERM + 1, sequence: 8 })],
      ['other-run', forge(room, { run: 'run-2', sequence: 9 })],
      ['chunk-missing', forge(room, bigHeader({ chunk: 1, sequence: 10 }))],
    ];
    for (const [, frame] of wrong) await ends.inject(frame);
    await until('these refusals', () => sum(room.receiver.stats.refused) === wrong.length);
    fleet.keyring.revoke('pi-1');
    await ends.inject(forge(room, { sequence: 11 }));
    const expected = { ...countOf(wrong.map(([reason]) => reason)), 'revoked-sender': 1 };
    await until('all refusals', () => sum(room.receiver.stats.refused) === wrong.length + 1);
    t.deepEqual({ ...room.receiver.stats.refused }, expected);
    t.is(room.tensors.length, 0);
    const logged = room.log.events.filter(({ event }) => event === 'frame-refused').map(({ detail }) => detail.reason);
    t.deepEqual(countOf(logged as string[]), expected);
  });

  test(`${name}: what was seen once is not taken again`, async (t) => {
    const room = await open(t);
    const first = forge(room, { incarnation: 2 ** 50, sequence: 5 });
    await room.ends.inject(first);
    await until('the tensor', () => room.tensors.length === 1);
    await room.ends.inject(first);
    await room.ends.inject(forge(room, { incarnation: 2 ** 50, sequence: 4, microBatch: 2 }));
    await room.ends.inject(forge(room, { incarnation: 2 ** 50 - 1, sequence: 9, microBatch: 3 }));
    await refusals(room, 'replayed', 3);
    // Another sequence number does not make another tensor of it.
    await room.ends.inject(forge(room, { incarnation: 2 ** 50, sequence: 6 }));
    await refusals(room, 'duplicate');
    t.is(room.tensors.length, 1);
  });

  test(`${name}: a sender that ignores its credits is held to them`, async (t) => {
    const room = await open(t, { credits: { activation: 1 } });
    for (const microBatch of [0, 1, 2])
      await room.ends.inject(forge(room, { sequence: microBatch, microBatch, incarnation: 2 ** 50 }));
    await refusals(room, 'no-credit', 2);
    t.is(room.tensors.length, 1);
  });

  test(`${name}: chunks that are missing, twice or of another tensor spoil only their own tensor`, async (t) => {
    const room = await open(t);
    const chunk = (index: number, sequence: number, overrides: Partial<FrameHeader> = {}): Buffer => {
      return forge(room, bigHeader({ chunk: index, sequence, incarnation: 2 ** 50, ...overrides }));
    };
    const { inject } = room.ends;
    await inject(chunk(0, 1));
    await inject(chunk(0, 1));
    await refusals(room, 'chunk-twice');
    await inject(chunk(1, 1, { microBatch: 9 }));
    await refusals(room, 'chunk-of-another-tensor');
    await inject(chunk(1, 1));
    await inject(chunk(2, 1));
    await until('the tensor', () => room.tensors.length === 1);

    await inject(chunk(0, 2, { microBatch: 2 }));
    await inject(chunk(2, 2, { microBatch: 2 }));
    await refusals(room, 'chunk-missing');
    // The unfinished one is gone; the next one begins.
    await inject(chunk(0, 3, { microBatch: 3 }));
    await inject(chunk(1, 2, { microBatch: 2 }));
    await refusals(room, 'chunk-missing', 2);
    await inject(chunk(1, 3, { microBatch: 3 }));
    await inject(chunk(2, 3, { microBatch: 3 }));
    await until('the next tensor', () => room.tensors.length === 2);
    t.is(room.tensors[1]!.meta.microBatch, 3);
  });

  test(`${name}: a new term lets the next tensors in and keeps the old ones out`, async (t) => {
    const room = await open(t, { credits: { activation: 1 } });
    await room.sender.send(meta(), floats(4));
    await until('the tensor', () => room.tensors.length === 1);
    room.tensors[0]!.release();
    room.receiver.setTerm(TERM + 1);
    // The sender does not know yet: its tensor is refused, but its credit comes back.
    await room.sender.send(meta({ microBatch: 1 }), floats(4));
    await refusals(room, 'older-term');
    room.sender.setTerm(TERM + 1);
    await within('the next', room.sender.send(meta(), floats(4, 7)));
    await until('the tensor of the new term', () => room.tensors.length === 2);
    t.is(room.tensors[1]!.meta.term, TERM + 1);
  });

  test(`${name}: a link goes on into a later term, with longer tensors, and takes both terms until it is told`, async (t) => {
    const room = await open(t, { maxTensorBytes: 16, credits: {} });
    const { sender, receiver, tensors } = room;
    const joining = sender.join(TERM + 2);
    await t.throwsAsync(sender.send(meta({ shape: [8] }), floats(8)), { code: 'TENSOR_TOO_LARGE' });
    // One that came to nothing lies between.
    await receiver.admit(TERM + 1, 24);
    await receiver.admit(TERM + 2, 32);
    await within('the next window', joining);
    await sender.send(meta(), floats(4, 1));
    sender.setTerm(TERM + 2);
    await sender.send(meta({ shape: [8] }), floats(8, 2));
    await until('both tensors', () => tensors.length === 2);
    t.deepEqual(
      tensors.map(({ meta: { term } }) => term),
      [TERM, TERM + 2],
    );
    receiver.setTerm(TERM + 2);
    sender.setTerm(TERM);
    await sender.send(meta({ microBatch: 1 }), floats(4));
    await refusals(room, 'older-term');
  });

  test(`${name}: a receiver that follows another on its link takes no replay of its tensors`, async (t) => {
    const room = await open(t);
    const frame = forge(room);
    await room.ends.inject(frame);
    await until('the tensor', () => room.tensors.length === 1);
    await room.receiver.close();
    let again = 0;
    const next = await room.ends.receiving.openReceiver({
      from: 'pi-1',
      run: RUN,
      term: TERM,
      maxTensorBytes: 100,
      onTensor: () => {
        again += 1;
      },
    });
    await room.ends.inject(frame);
    await until('the refusal', () => next.stats.refused.replayed === 1);
    t.is(again, 0);
  });
}

/** A header of one chunk of a tensor of three. */
function bigHeader(overrides: Partial<FrameHeader>): Partial<FrameHeader> {
  const totalBytes = 2 * MAX_FRAME_PAYLOAD_BYTES + 4;
  const payloadBytes = overrides.chunk === 2 ? 4 : MAX_FRAME_PAYLOAD_BYTES;
  return { chunks: 3, totalBytes, payloadBytes, shape: [totalBytes / 4], ...overrides };
}

function countOf(words: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const word of words) counts[word] = (counts[word] ?? 0) + 1;
  return counts;
}

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0);
}
