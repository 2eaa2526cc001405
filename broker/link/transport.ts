import { type DigestName, readPreferredDigest } from '../frame/digest.ts';
import type { Identity } from '../keyring/identity.ts';
import type { Keyring } from '../keyring/keyring.ts';
import { type Log, silent } from '../log.ts';
import type { RawChannel } from '../messages/channel.ts';
import type { Position } from '../messages/envelope.ts';
import { openReceiver } from './receiver.ts';
import { openSender } from './sender.ts';
import type { LinkReceiver, LinkSender, SenderOptions, Transport } from './types.ts';

const DEFAULT_TIMEOUT_MILLISECONDS = 10_000;

export interface TransportNeeds {
  readonly identity: Identity;
  readonly keyring: Keyring;
  readonly log?: Log;
  /** How long opening a sender may take. 10 s. */
  readonly timeoutMilliseconds?: number;
  /** The digest of sent frames; by default the one that is faster on this processor. */
  readonly digest?: DigestName;
  /** Whether frames are tagged with the keys of a session where the other end does so too, or each is signed. True. */
  readonly tags?: boolean;
}

/** A channel to another board, and its end. */
export interface OutgoingChannel {
  readonly channel: RawChannel;
  readonly ended: Promise<Error | undefined>;
  close(): Promise<void>;
}

/** How frames get from board to board: all that tells transports apart. */
export interface Carrier {
  /** Where others send to us. */
  readonly incoming: RawChannel;
  outgoing(options: SenderOptions): Promise<OutgoingChannel>;
}

/** Links over any carrier. */
export function createTransport(carrier: Carrier, needs: TransportNeeds): Transport {
  const { identity, keyring, log = silent, timeoutMilliseconds = DEFAULT_TIMEOUT_MILLISECONDS, tags = true } = needs;
  const digest = needs.digest ?? readPreferredDigest();
  const senders = new Set<LinkSender>();
  const receivers = new Set<LinkReceiver>();
  const lastReceived = new Map<string, Position>();
  let lastIncarnation = 0;

  return {
    async openSender(options) {
      lastIncarnation = Math.max(Date.now(), lastIncarnation + 1);
      const incarnation = lastIncarnation;
      const { channel, ended, close } = await carrier.outgoing(options);
      const sender = await openSender(options, {
        channel,
        channelEnded: ended,
        closeChannel: close,
        identity,
        keyring,
        digest,
        offersTags: tags,
        incarnation,
        timeoutMilliseconds,
        log,
      });
      senders.add(sender);
      sender.ended.then(() => senders.delete(sender));
      return sender;
    },
    async openReceiver(options) {
      const receiver = await openReceiver(options, {
        channel: carrier.incoming,
        identity,
        keyring,
        log,
        takesTags: tags,
        after: lastReceived.get(options.from),
        onClose: (position) => {
          lastReceived.set(options.from, position);
          receivers.delete(receiver);
        },
      });
      receivers.add(receiver);
      return receiver;
    },
    async close() {
      await Promise.all([...senders, ...receivers].map((end) => end.close()));
    },
  };
}
