/**
 * A PUBLISH of QoS 0 without retain (MQTT 3.1.1 §3.3), byte by byte:
 *
 * | at | bytes  | field                                                        |
 * |----|--------|--------------------------------------------------------------|
 * |  0 | 1      | 0x30: type 3, no DUP, QoS 0, no RETAIN                       |
 * |  1 | 1 to 4 | remaining length, 7 bits a byte, the lowest first (§2.2.3)   |
 * |    | 2      | length of the topic, big-endian                              |
 * |    | n      | topic, UTF-8                                                 |
 * |    | m      | payload                                                      |
 */
export const PUBLISH_QOS_0 = 0x30;
export const TOPIC_LENGTH_BYTES = 2;
export const LENGTH_BYTES_AT_MOST = 4;

/** The bytes in front of a payload. */
export function publishHead(topic: string, payloadBytes: number): Buffer {
  const topicBytes = Buffer.byteLength(topic);
  const remaining = TOPIC_LENGTH_BYTES + topicBytes + payloadBytes;
  const head = Buffer.allocUnsafe(1 + lengthBytes(remaining) + TOPIC_LENGTH_BYTES + topicBytes);
  head[0] = PUBLISH_QOS_0;
  let at = 1;
  for (let rest = remaining; at === 1 || rest > 0; rest = Math.floor(rest / 128)) {
    head[at++] = rest < 128 ? rest : (rest % 128) + 128;
  }
  head.writeUInt16BE(topicBytes, at);
  head.write(topic, at + TOPIC_LENGTH_BYTES);
  return head;
}

/** Bytes of the whole packet. */
export function publishBytes(topic: string, payloadBytes: number): number {
  const remaining = TOPIC_LENGTH_BYTES + Buffer.byteLength(topic) + payloadBytes;
  return 1 + lengthBytes(remaining) + remaining;
}

function lengthBytes(remaining: number): number {
  return remaining < 128 ? 1 : remaining < 16_384 ? 2 : remaining < 2_097_152 ? 3 : 4;
}

/** What the first bytes of a packet say. */
export type PacketStart =
  /** More bytes are needed: at least so many in all. */
  | { readonly kind: 'more'; readonly need: number }
  /** Anything but a PUBLISH of QoS 0, and bytes that are no MQTT. */
  | { readonly kind: 'other'; readonly packetBytes: number }
  | { readonly kind: 'publish'; readonly topic: string; readonly payloadAt: number; readonly packetBytes: number };

/** Reads the start of a packet as far as `bytes` go; topics longer than `topicBytesAtMost` are not looked at. */
export function readPacketStart(bytes: Buffer, topicBytesAtMost: number): PacketStart {
  let remaining = 0;
  let at = 1;
  for (let more = true; more; at += 1) {
    if (at > LENGTH_BYTES_AT_MOST) return { kind: 'other', packetBytes: bytes.length };
    if (at >= bytes.length) return { kind: 'more', need: at + 1 };
    const byte = bytes[at]!;
    remaining += (byte & 127) * 128 ** (at - 1);
    more = byte >= 128;
  }
  const packetBytes = at + remaining;
  const topicAt = at + TOPIC_LENGTH_BYTES;
  if (bytes[0] !== PUBLISH_QOS_0 || packetBytes < topicAt) return { kind: 'other', packetBytes };
  if (bytes.length < topicAt) return { kind: 'more', need: topicAt };
  const topicBytes = bytes.readUInt16BE(at);
  const payloadAt = topicAt + topicBytes;
  if (topicBytes > topicBytesAtMost || payloadAt > packetBytes) return { kind: 'other', packetBytes };
  if (bytes.length < payloadAt) return { kind: 'more', need: payloadAt };
  return { kind: 'publish', topic: bytes.toString('utf8', topicAt, payloadAt), payloadAt, packetBytes };
}
