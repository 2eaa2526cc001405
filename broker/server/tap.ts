import type { Diversion, PayloadSink } from '../messages/channel.ts';
import { LENGTH_BYTES_AT_MOST, readPacketStart, TOPIC_LENGTH_BYTES } from '../mqtt/publish.ts';

/** No topic of the table is longer. */
const TOPIC_BYTES_AT_MOST = 256;

export interface TapNeeds {
  /** How long the longest head of a diversion is. */
  readonly headBytesAtMost: number;
  /** Where payloads of this topic go, for who is on this connection. */
  readonly diversionOf: (topic: string, payloadBytes: number) => Diversion | undefined;
  /** Hands bytes on to the broker; false where it wants no more for now. */
  readonly pass: (bytes: Buffer) => boolean;
}

/**
 * Reads a connection's bytes before the broker does, and takes the payloads out that have a place to go. The broker
 * would collect a payload of 1 MB from 16 reads into one buffer, only for it to be copied into its tensor.
 */
export interface Tap {
  /** Where the next bytes of the connection are to be read to: of a long payload, its place in the tensor. */
  place(): Uint8Array;
  /** So many bytes lie there. What `pass` last said. */
  read(bytes: number): boolean;
  /** The connection is gone. */
  close(): void;
}

/** One read of packets; bytes of the broker's are copied out of it. */
const READ_BYTES = 65_536;
/** A shorter rest of a payload is read together with what follows it, which spares a call. */
const DIRECT_BYTES = 32_768;

type State =
  | { readonly kind: 'start' }
  | { readonly kind: 'passing'; left: number }
  | { readonly kind: 'sinking'; readonly sink: PayloadSink; left: number };

export function createTap(needs: TapNeeds): Tap {
  const splitter = createSplitter(needs);
  const packets = Buffer.allocUnsafeSlow(READ_BYTES);
  let isDirect = false;
  let more = true;
  return {
    place() {
      const sink = splitter.sinkOf(DIRECT_BYTES);
      isDirect = sink !== undefined;
      return sink?.place() ?? packets;
    },
    read(bytes) {
      if (isDirect) splitter.sunk(bytes);
      else more = splitter.split(packets.subarray(0, bytes));
      return more;
    },
    close: () => splitter.close(),
  };
}

/** Tells the packets of a stream apart. */
function createSplitter({ headBytesAtMost, diversionOf, pass }: TapNeeds) {
  const start = Buffer.alloc(1 + LENGTH_BYTES_AT_MOST + TOPIC_LENGTH_BYTES + TOPIC_BYTES_AT_MOST + headBytesAtMost);
  let state: State = { kind: 'start' };
  /** Bytes of `start` that are there, and how many it takes to go on. */
  let held = 0;
  let need = 2;

  /** What becomes of the packet whose first bytes are held; undefined where it takes more of them. */
  const decide = (): State | undefined => {
    const bytes = start.subarray(0, held);
    const found = readPacketStart(bytes, TOPIC_BYTES_AT_MOST);
    if (found.kind === 'more') {
      need = found.need;
      return undefined;
    }
    const passing: State = { kind: 'passing', left: found.packetBytes - held };
    if (found.kind === 'other') return passing;
    const payloadBytes = found.packetBytes - found.payloadAt;
    const diversion = diversionOf(found.topic, payloadBytes);
    if (diversion === undefined || payloadBytes < diversion.headBytes) return passing;
    if (held < found.payloadAt + diversion.headBytes) {
      need = found.payloadAt + diversion.headBytes;
      return undefined;
    }
    const sink = diversion.open(bytes.subarray(found.payloadAt), payloadBytes);
    return sink === null ? passing : { kind: 'sinking', sink, left: payloadBytes - diversion.headBytes };
  };

  return {
    /** The sink of a payload of which at least so much is to come. */
    sinkOf: (bytes: number): PayloadSink | undefined =>
      state.kind === 'sinking' && state.left >= bytes ? state.sink : undefined,
    /** So many bytes were written into the sink's place. */
    sunk(bytes: number): void {
      if (state.kind !== 'sinking') return;
      state.sink.wrote(bytes);
      state.left -= bytes;
      if (state.left > 0) return;
      state.sink.end();
      state = { kind: 'start' };
    },
    split(chunk: Buffer): boolean {
      let more = true;
      let at = 0;
      /** From where on bytes of this chunk are still to be passed. */
      let from = 0;
      /** Where the packet that is being looked at begins in this chunk; where in an earlier one, those bytes are held. */
      let startedAt = held > 0 ? -1 : 0;
      const passUpTo = (end: number): void => {
        if (end > from) more = pass(Buffer.from(chunk.subarray(from, end)));
      };
      const take = (): void => {
        const count = Math.min(need - held, chunk.length - at);
        chunk.copy(start, held, at, at + count);
        held += count;
        at += count;
        if (held < need) return;
        const decided = decide();
        if (decided === undefined) return;
        if (decided.kind !== 'sinking' && startedAt < 0) {
          more = pass(Buffer.from(start.subarray(0, held)));
          from = at;
        } else if (decided.kind === 'sinking') {
          passUpTo(startedAt);
          from = at;
        }
        state = decided;
        held = 0;
        need = 2;
      };
      const finish = (): void => {
        if (state.kind === 'sinking') state.sink.end();
        state = { kind: 'start' };
        startedAt = at;
      };

      while (at < chunk.length || (state.kind !== 'start' && state.left === 0)) {
        if (state.kind === 'start') {
          take();
          continue;
        }
        const count = Math.min(state.left, chunk.length - at);
        if (state.kind === 'sinking' && count > 0) state.sink.write(chunk.subarray(at, at + count));
        at += count;
        state.left -= count;
        if (state.kind === 'sinking') from = at;
        if (state.left === 0) finish();
      }
      // Bytes of a packet that is not decided yet are held, and passed when it is.
      const isUndecided = state.kind === 'start' && held > 0;
      passUpTo(isUndecided ? Math.max(from, startedAt) : at);
      return more;
    },
    close(): void {
      if (state.kind === 'sinking') state.sink.abort();
      state = { kind: 'start' };
    },
  };
}
