/**
 * Watches the MQTT packet lengths of a byte stream (MQTT 3.1.1 §2.2) without keeping a byte of it. Aedes has no
 * limit of its own: a peer that announces 256 MB makes it collect them.
 */
export interface PacketGuard {
  /** What is wrong with the stream so far; null where it may be passed on. */
  check(chunk: Uint8Array): GuardProblem | null;
  /** The CONNECT was accepted: from now on the packet limit holds instead of the small one. */
  accept(): void;
  readonly bytes: number;
}

export type GuardProblem = 'packet-too-large' | 'not-mqtt';

export interface GuardLimits {
  readonly bytesBeforeConnect: number;
  readonly packetBytes: number;
}

const CONNECT = 1;
const LENGTH_BYTES_AT_MOST = 4;

type State = 'type' | 'length' | 'body';

export function createPacketGuard(limits: GuardLimits): PacketGuard {
  let state: State = 'type';
  let accepted = false;
  let first = true;
  let bytes = 0;
  let remaining = 0;
  let lengthBytes = 0;

  const startPacket = (byte: number): GuardProblem | null => {
    // [MQTT-3.1.0-1]: the first packet of a connection is a CONNECT.
    if (first && byte >> 4 !== CONNECT) return 'not-mqtt';
    first = false;
    remaining = 0;
    lengthBytes = 0;
    state = 'length';
    return null;
  };

  const addLengthByte = (byte: number): GuardProblem | null => {
    remaining += (byte & 127) * 128 ** lengthBytes;
    lengthBytes += 1;
    const more = byte >= 128;
    if (more && lengthBytes === LENGTH_BYTES_AT_MOST) return 'not-mqtt';
    const longest = accepted ? limits.packetBytes : limits.bytesBeforeConnect;
    if (1 + lengthBytes + remaining > longest) return 'packet-too-large';
    if (!more) state = remaining === 0 ? 'type' : 'body';
    return null;
  };

  return {
    accept() {
      accepted = true;
    },
    get bytes() {
      return bytes;
    },
    check(chunk) {
      bytes += chunk.length;
      if (!accepted && bytes > limits.bytesBeforeConnect) return 'packet-too-large';
      let at = 0;
      while (at < chunk.length) {
        if (state === 'body') {
          const step = Math.min(remaining, chunk.length - at);
          remaining -= step;
          at += step;
          if (remaining === 0) state = 'type';
          continue;
        }
        const byte = chunk[at] as number;
        at += 1;
        const problem = state === 'type' ? startPacket(byte) : addLengthByte(byte);
        if (problem !== null) return problem;
      }
      return null;
    },
  };
}
