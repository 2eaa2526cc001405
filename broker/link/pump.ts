import type { RawChannel } from '../messages/channel.ts';
import type { FrameWriter } from './frame-writer.ts';
import type { LinkMeter } from './meter.ts';
import type { Outbox, Outgoing } from './outbox.ts';

/** Frames handed to the socket before the first of them has to be out: what a more urgent tensor may have to wait for. */
const FRAMES_AHEAD = 2;
/** Bytes that are proven and handed over before timers and sockets have their turn. */
const BYTES_A_TURN = 512 * 1024;

export interface PumpNeeds {
  readonly outbox: Outbox;
  readonly channel: RawChannel;
  readonly topic: string;
  readonly writeFrame: FrameWriter;
  readonly meter: LinkMeter;
  /** Whether frames may go out now. */
  readonly isReady: () => boolean;
  /** A tensor that no frame can hold. */
  readonly onInvalid: (tensor: Outgoing, error: unknown) => void;
  readonly signal: AbortSignal;
}

/** Takes chunks from the outbox to the connection: the most urgent first, until everything is out or the connection gone. */
export class Pump {
  readonly #needs: PumpNeeds;
  /** Frames that the socket was given and has not taken. */
  #ahead = 0;
  #isYielding = false;

  constructor(needs: PumpNeeds) {
    this.#needs = needs;
  }

  /** Sends what may go out now; the rest follows by itself. */
  run(): void {
    const { outbox, isReady } = this.#needs;
    let bytes = 0;
    while (!this.#isYielding && this.#ahead <= FRAMES_AHEAD) {
      const tensor = isReady() ? outbox.next() : undefined;
      if (tensor === undefined) return;
      bytes += this.#send(tensor);
      if (bytes >= BYTES_A_TURN) this.#yield();
    }
  }

  #yield(): void {
    this.#isYielding = true;
    setImmediate(() => {
      this.#isYielding = false;
      this.run();
    });
  }

  /** @returns bytes handed over */
  #send(tensor: Outgoing): number {
    const { outbox, channel, topic, writeFrame, meter, onInvalid, signal } = this.#needs;
    let parts: ReturnType<FrameWriter>;
    try {
      parts = writeFrame(tensor, outbox.sequenceOf(tensor));
    } catch (error) {
      onInvalid(tensor, error);
      return 0;
    }
    this.#ahead += 1;
    // What a lost connection has taken with it is found out when it is back.
    const done = (): void => {
      this.#ahead -= 1;
      this.run();
    };
    if (channel.sendParts !== undefined) channel.sendParts(topic, parts, done);
    else channel.publishRaw(topic, parts, { qos: 0, retain: false }, signal).then(done, done);
    outbox.sent(tensor);
    meter.frames += 1;
    return parts[1].length;
  }
}
