import type { FrameMeter } from '../frame/encode.ts';
import type { FrameRefusal } from '../frame/reasons.ts';
import type { RawChannel } from '../messages/messenger.ts';
import type { LinkStats } from './types.ts';

/** The counters of one end of a link. */
export interface LinkMeter {
  readonly seconds: FrameMeter;
  readonly refused: Partial<Record<FrameRefusal, number>>;
  tensors: number;
  frames: number;
  bytesSent: number;
  bytesReceived: number;
  creditWaitSeconds: number;
}

export function createLinkMeter(): LinkMeter {
  return {
    seconds: { copy: 0, digest: 0, sign: 0, verify: 0 },
    refused: {},
    tensors: 0,
    frames: 0,
    bytesSent: 0,
    bytesReceived: 0,
    creditWaitSeconds: 0,
  };
}

/** A copy that no longer changes. */
export function statsOf(meter: LinkMeter): LinkStats {
  return { ...meter, seconds: { ...meter.seconds }, refused: { ...meter.refused } };
}

/** Bytes of an MQTT PUBLISH with QoS 0 (MQTT 3.1.1 §3.3). */
export function packetBytes(topic: string, payloadBytes: number): number {
  const remaining = 2 + topic.length + payloadBytes;
  const lengthBytes = remaining < 128 ? 1 : remaining < 16_384 ? 2 : remaining < 2_097_152 ? 3 : 4;
  return 1 + lengthBytes + remaining;
}

/** The same channel, counting what goes through it. */
export function meteredChannel(channel: RawChannel, meter: LinkMeter): RawChannel {
  return {
    publishRaw(topic, payload, options, signal) {
      const counted = (bytes: Buffer): Buffer => {
        meter.bytesSent += packetBytes(topic, bytes.length);
        return bytes;
      };
      const counting: typeof payload = Buffer.isBuffer(payload) ? counted(payload) : (next) => counted(payload(next));
      return channel.publishRaw(topic, counting, options, signal);
    },
    subscribeRaw(filter, qos, handler, signal) {
      const counting: typeof handler = (message) => {
        meter.bytesReceived += packetBytes(message.topic, message.payload.length);
        handler(message);
      };
      return channel.subscribeRaw(filter, qos, counting, signal);
    },
  };
}
