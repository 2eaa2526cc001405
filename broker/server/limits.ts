import { MAX_FRAME_BYTES } from '../topics.ts';
import type { BrokerLimits } from './types.ts';

const KIB = 1024;
const HOUR = 3_600_000;
/** MQTT fixed header and the longest topic of the table. */
const PACKET_OVERHEAD_BYTES = 512;

/**
 * What peers can make a broker hold, at most:
 * connections × (packetBytes + one 64 KiB read + backlogBytes), and bytesBeforeConnect each for those not accepted.
 */
export const defaultLimits: BrokerLimits = {
  connections: 128,
  bytesBeforeConnect: 16 * KIB,
  packetBytes: MAX_FRAME_BYTES + PACKET_OVERHEAD_BYTES,
  backlogBytes: 4096 * KIB,
  patienceMilliseconds: 10_000,
  clockSkewMilliseconds: 24 * HOUR,
};
