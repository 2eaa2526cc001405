import type { DeviceTelemetry, Log } from '../../broker/index.ts';
import type { Telemetry } from './telemetry.ts';
import type { TelemetrySample } from './types.ts';

export interface TelemetryPublishing {
  readonly board: string;
  readonly telemetry: Telemetry;
  readonly milliseconds: number;
  /** Whether a message could leave now: what waited for a connection would be old when it gets one. */
  readonly connected: () => boolean;
  readonly publish: (message: DeviceTelemetry, signal: AbortSignal) => Promise<void>;
  readonly log: Log;
  /** Ends it. */
  readonly signal: AbortSignal;
}

/** Publishes a sample every so many milliseconds until the signal comes. Keeps no process alive. */
export function publishTelemetry(needs: TelemetryPublishing): void {
  const { board, telemetry, milliseconds, connected, publish, log, signal } = needs;
  if (signal.aborted) return;
  let publishing = false;
  let failing = false;

  const tick = async (): Promise<void> => {
    // One at a time: on a slow link the newest sample is worth more than a queue of old ones.
    if (publishing || !connected()) return;
    publishing = true;
    try {
      await publish(telemetryMessage(board, telemetry.sample()), signal);
      failing = false;
    } catch (error) {
      if (!signal.aborted && !failing) {
        failing = true;
        log({ level: 'warn', event: 'telemetry-unpublished', detail: { board, error: String(error) } });
      }
    } finally {
      publishing = false;
    }
  };

  const timer = setInterval(tick, milliseconds).unref();
  signal.addEventListener('abort', () => clearInterval(timer), { once: true });
}

/** The message of a sample, with what this process itself uses. When it was taken is in the envelope. */
export function telemetryMessage(board: string, { at: _, ...readings }: TelemetrySample): DeviceTelemetry {
  const { user, system } = process.cpuUsage();
  return {
    kind: 'telemetry',
    board,
    residentBytes: process.memoryUsage.rss(),
    cpuSeconds: (user + system) / 1e6,
    ...readings,
  };
}
