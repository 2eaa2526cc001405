import type { DeviceProfile as ProfileMessage } from '../../broker/index.ts';
import { type DeviceProfile, isProbe } from '../../planner/index.ts';
import type { Inventory } from '../telemetry/index.ts';

const MOST_MODELS = 64;

/** What a board says of what it is, and of what it has measured of itself. The measurements themselves stay on it. */
export function profileMessage(board: string, inventory: Inventory, profile?: DeviceProfile): ProfileMessage {
  const { model, cores, memoryBytes, platform } = inventory;
  const what = { kind: 'profile', board, model, cores, memoryBytes, platform } as const;
  return profile === undefined ? what : { ...what, measured: summaryOf(profile) };
}

function summaryOf(profile: DeviceProfile): NonNullable<ProfileMessage['measured']> {
  const { measuredAt: at, seconds, threads, ended, copyBytesPerSecond, measurements } = profile;
  const models = new Set(measurements.filter((row) => !isProbe(row)).map(({ model }) => model));
  return {
    at,
    seconds,
    threads,
    ended,
    measurements: measurements.length,
    models: [...models].slice(0, MOST_MODELS),
    copyBytesPerSecond,
  };
}
