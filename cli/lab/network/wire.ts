import type { Link } from '../scenario/index.ts';

/** One direction of a board's wire to the switch. */
export interface Wire {
  readonly bytesPerSecond?: number;
  readonly delaySeconds: number;
  readonly loss: number;
}

/** A frame of Ethernet with its header. */
const FRAME_BYTES = 1514;
/** What may go out at once after a pause: as long as this takes at the link's rate. Shorter costs more wake-ups. */
const BURST_SECONDS = 0.001;
/** What has to wait longer than this is dropped, as by a switch whose queue is full. */
export const QUEUE_MILLISECONDS = 50;
/** Segments of one connection that travel as one frame until they are on the wire; the kernel's own most. */
const MOST_SEGMENT_BYTES = 65_536;
const HEADER_BYTES = 200;

/** A frame between two boards of the same link passes two wires: each takes half of the delay, and of the loss. */
export function wireOf(link: Link | undefined): Wire {
  if (link === undefined) return { delaySeconds: 0, loss: 0 };
  const { delaySeconds, loss, ...rate } = link;
  return { ...rate, delaySeconds: delaySeconds / 2, loss: 1 - Math.sqrt(1 - loss) };
}

export function burstBytes(bytesPerSecond: number): number {
  return Math.max(2 * FRAME_BYTES, Math.round(bytesPerSecond * BURST_SECONDS));
}

/** The longest packet that a sender is to hand to the wire as one: a longer one would be cut up again. */
export function segmentBytes({ bytesPerSecond }: Wire): number {
  if (bytesPerSecond === undefined) return MOST_SEGMENT_BYTES;
  return Math.min(MOST_SEGMENT_BYTES, Math.max(FRAME_BYTES, burstBytes(bytesPerSecond) - HEADER_BYTES));
}

export function needsDelay({ delaySeconds, loss }: Wire): boolean {
  return delaySeconds > 0 || loss > 0;
}
