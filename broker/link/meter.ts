import type { FrameMeter } from '../frame/encode.ts';
import type { FrameRefusal } from '../frame/reasons.ts';
import { type RawChannel, type RawPayload, toldDiversion } from '../messages/channel.ts';
import { publishBytes } from '../mqtt/publish.ts';
import type { LinkStats } from './types.ts';

/** The counters of one end of a link. */
export interface LinkMeter {
  readonly seconds: FrameMeter;
  readonly refused: Partial<Record<FrameRefusal, number>>;
  resent: number;
  reconnects: number;
  tensors: number;
  frames: number;
  tagged: number;
  bytesSent: number;
  bytesReceived: number;
  creditWaitSeconds: number;
  busySeconds: number;
}

export function createLinkMeter(): LinkMeter {
  return {
    seconds: { copy: 0, digest: 0, sign: 0, verify: 0 },
    refused: {},
    resent: 0,
    reconnects: 0,
    tensors: 0,
    frames: 0,
    tagged: 0,
    bytesSent: 0,
    bytesReceived: 0,
    creditWaitSeconds: 0,
    busySeconds: 0,
  };
}

/** A copy that no longer changes. */
export function statsOf(meter: LinkMeter): LinkStats {
  return { ...meter, seconds: { ...meter.seconds }, refused: { ...meter.refused } };
}

/** The same channel, counting what goes through it. */
export function meteredChannel(channel: RawChannel, meter: LinkMeter): RawChannel {
  const { divert, onConnectionChange, sendParts } = channel;
  const received = (topic: string, payloadBytes: number): void => {
    meter.bytesReceived += publishBytes(topic, payloadBytes);
  };
  return {
    publishRaw(topic, payload, options, signal) {
      return channel.publishRaw(
        topic,
        counting(payload, (bytes) => {
          meter.bytesSent += publishBytes(topic, bytes);
        }),
        options,
        signal,
      );
    },
    subscribeRaw(filter, qos, handler, signal) {
      const counted: typeof handler = (message) => {
        received(message.topic, message.payload.length);
        handler(message);
      };
      return channel.subscribeRaw(filter, qos, counted, signal);
    },
    ...(onConnectionChange && { onConnectionChange }),
    ...(sendParts && {
      sendParts(topic, parts, done) {
        meter.bytesSent += publishBytes(topic, lengthOf(parts));
        sendParts(topic, parts, done);
      },
    }),
    ...(divert && {
      divert: (topic, diversion) =>
        divert(
          topic,
          toldDiversion(diversion, (bytes) => received(topic, bytes)),
        ),
    }),
  };
}

/** The same payload, whose length is told when it is known. */
function counting(payload: RawPayload, count: (bytes: number) => void): RawPayload {
  if (typeof payload === 'function') {
    return (next) => {
      const bytes = payload(next);
      count(bytes.length);
      return bytes;
    };
  }
  count(Buffer.isBuffer(payload) ? payload.length : lengthOf(payload as readonly Uint8Array[]));
  return payload;
}

function lengthOf(parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, part) => sum + part.byteLength, 0);
}
