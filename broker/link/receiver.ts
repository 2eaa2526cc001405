import type { FrameHeader } from '../frame/header.ts';
import { FRAME_OVERHEAD_BYTES } from '../frame/layout.ts';
import type { Identity } from '../keyring/identity.ts';
import type { Keyring } from '../keyring/keyring.ts';
import type { Log } from '../log.ts';
import type { RawChannel } from '../messages/channel.ts';
import type { Position } from '../messages/envelope.ts';
import { createMessenger } from '../messages/messenger.ts';
import { formatTopic } from '../topics.ts';
import type { Outcome } from './arrival.ts';
import { createBufferPool } from './buffers.ts';
import { windowFields, windowOf } from './credits.ts';
import { createIntake, type Intake } from './intake.ts';
import type { HeldTensor } from './ledger.ts';
import { createLinkMeter, meteredChannel, statsOf } from './meter.ts';
import { Releases } from './releases.ts';
import { SessionAnswers } from './session-answers.ts';
import type { LinkReceiver, ReceivedTensor, ReceiverOptions, Window } from './types.ts';

/** Buffers kept for the next tensors, beyond those in use. */
const SPARE_BUFFERS = 3;

export interface ReceiverNeeds {
  /** The channel that the sender publishes into: the own broker, from inside. */
  readonly channel: RawChannel;
  readonly identity: Identity;
  readonly keyring: Keyring;
  readonly log: Log;
  /** Whether senders may tag their frames instead of signing each. */
  readonly takesTags: boolean;
  /** The latest tensor that an earlier receiver of this link has seen. */
  readonly after?: Position | undefined;
  readonly onClose: (position: Position) => void;
}

/**
 * Opens the receiving end of `from → own id`. It holds at most what its window says of each kind, and three tensors of `maxTensorBytes` more.
 */
export async function openReceiver(options: ReceiverOptions, needs: ReceiverNeeds): Promise<LinkReceiver> {
  const { identity, keyring, log } = needs;
  const { from, run, maxTensorBytes, onTensor, memory = createBufferPool(SPARE_BUFFERS) } = options;
  const link = { from, to: identity.id };
  const window = windowOf(maxTensorBytes, options.credits);
  let longest = maxTensorBytes;
  const sessions = new SessionAnswers({ fleet: keyring.fleet, ...link, run });
  const meter = createLinkMeter();
  const channel = meteredChannel(needs.channel, meter);
  const messenger = createMessenger({ channel, identity, keyring, log });
  const intake = createIntake({
    ...link,
    run,
    term: options.term,
    trust: { keyring, sessions: sessions.find },
    window,
    maxTensorBytes,
    judge: options.judge,
    examine: options.examine,
    memory,
    meter: meter.seconds,
    ...(needs.after === undefined ? {} : { after: needs.after }),
  });
  const statuses = createMessenger({
    channel,
    identity: sessions.statusSigner(identity, () => intake.position.incarnation),
    keyring,
    log,
  });
  let open = true;
  let refused = 0;
  let answers = 0;
  let isStatusDue = false;

  /** One status tells of everything that happened within a turn. */
  const tellStatus = (): void => {
    if (isStatusDue) return;
    isStatusDue = true;
    setImmediate(() => {
      isStatusDue = false;
      if (!open) return;
      releases.told();
      const known = intake.status;
      const session = sessions.known(known.incarnation);
      const status = { kind: 'status', run, answers, refused, ...known, ...session } as const;
      statuses.publish('linkStatus', link, status).catch((error: Error) => {
        log({ level: 'warn', event: 'status-not-sent', detail: { ...link, error: error.message } });
      });
    });
  };

  const releases = new Releases({ isShort: intake.isShort, tell: tellStatus });

  const deliver = (header: FrameHeader, buffer: ArrayBufferLike, held: HeldTensor): void => {
    meter.tensors += 1;
    onTensor(
      receivedTensor(header, buffer, (kept) => {
        intake.release(held);
        if (!kept) memory.giveBack(buffer);
        if (open) releases.add(held);
      }),
    );
  };

  const settle = (outcome: Outcome): void => {
    if (outcome.result === 'waiting') return;
    tellStatus();
    if (outcome.result === 'tensor') {
      deliver(outcome.header, outcome.buffer, outcome.held);
      return;
    }
    const { reason } = outcome;
    refused += 1;
    meter.refused[reason] = (meter.refused[reason] ?? 0) + 1;
    log({ level: 'warn', event: 'frame-refused', detail: { ...link, reason } });
  };

  const topic = formatTopic(keyring.fleet, 'linkFrames', link);
  const unsubscribe = await channel.subscribeRaw(topic, 0, ({ payload }) => {
    if (!open) return;
    meter.frames += 1;
    settle(intake.take(payload));
  });
  // The usual way in; what has a flaw comes by the other, where it is told.
  const endDiversion = channel.divert?.(topic, {
    headBytes: FRAME_OVERHEAD_BYTES,
    open: (head, bytes) => {
      const arrival = open ? intake.begin(head, bytes - FRAME_OVERHEAD_BYTES) : null;
      if (arrival === null) return null;
      meter.frames += 1;
      return { ...arrival, end: () => (open ? settle(arrival.end()) : arrival.abort()) };
    },
  });
  const endProbes = await messenger.subscribe('linkProbe', link, ({ message }) => {
    if (!open || message.run !== run) return;
    if (message.kind === 'session') {
      sessions.take(message);
      intake.meet(message.incarnation);
    } else {
      intake.settle(message.incarnation, message.underWay);
      answers = message.number;
    }
    tellStatus();
  });
  // Frames may have passed by while a shared broker was out of reach: their sender is to ask.
  channel.onConnectionChange?.((connected) => {
    if (!connected || !open) return;
    refused += 1;
    tellStatus();
  });
  const tellWindow = (term: number, told: Window, bytes: number): Promise<void> =>
    messenger.publish('linkWindow', link, {
      kind: 'window',
      run,
      term,
      ...windowFields(told),
      maxTensorBytes: bytes,
      ...(needs.takesTags ? { key: sessions.publicKey } : {}),
    });
  await tellWindow(options.term, window, maxTensorBytes);
  return receiverOf(link, intake, {
    stats: () => statsOf(meter),
    async admit(term, bytes, judgeUpTo) {
      longest = Math.max(longest, bytes);
      const grown = windowOf(longest, options.credits);
      intake.admit(term, grown, longest, judgeUpTo?.(longest));
      await tellWindow(term, grown, longest);
    },
    async close() {
      if (!open) return;
      open = false;
      releases.told();
      unsubscribe();
      endProbes();
      endDiversion?.();
      needs.onClose(intake.position);
      // Takes the retained window away, so that nobody sends to an end that is gone.
      const topic = formatTopic(keyring.fleet, 'linkWindow', link);
      await needs.channel.publishRaw(topic, Buffer.alloc(0), { qos: 0, retain: true }).catch(() => {});
    },
  });
}

interface Ends {
  readonly admit: LinkReceiver['admit'];
  readonly stats: () => LinkReceiver['stats'];
  readonly close: () => Promise<void>;
}

function receiverOf(link: { from: string; to: string }, intake: Intake, ends: Ends): LinkReceiver {
  return {
    ...link,
    admit: ends.admit,
    setTerm: (term) => intake.setTerm(term),
    get stats() {
      return ends.stats();
    },
    close: ends.close,
  };
}

function receivedTensor(
  header: FrameHeader,
  buffer: ArrayBufferLike,
  onRelease: (kept: boolean) => void,
): ReceivedTensor {
  const { kind, step, microBatch, slot, name, dtype, shape, codec, run, term, from, to, sequence } = header;
  let released = false;
  const release = (kept: boolean): void => {
    if (released) return;
    released = true;
    onRelease(kept);
  };
  return {
    meta: { kind, step, microBatch, slot, name, dtype, shape, codec, run, term, from, to, sequence },
    payload: new Uint8Array(buffer),
    release: () => release(false),
    keep: () => release(true),
  };
}
