import type { DeviceStage } from '../../broker/index.ts';
import type { BoardView, FleetView, RunView, Standing } from './types.ts';

/** Heartbeats come every second; as long as the hub waits for them before it misses a board. */
const SILENT_MILLISECONDS = 4_000;
const OVER: ReadonlySet<string | undefined> = new Set(['stopping', 'over']);

/** How a board is at the time `now`. A board that has never sent a heartbeat is not missed. */
export function standing({ connection, beatAt }: BoardView, now: number): Standing {
  if (connection !== 'online') return connection ?? 'unseen';
  return beatAt !== undefined && now - beatAt > SILENT_MILLISECONDS ? 'silent' : 'online';
}

/** What the board holds. What one that is gone has said last of it holds no more. */
export function heldStage({ connection, stage }: BoardView): Exclude<DeviceStage, { kind: 'idle' }> | undefined {
  return connection === 'online' && stage !== undefined && stage.kind !== 'idle' ? stage : undefined;
}

/** The runs that go on; where none does, the one that was heard of last. */
export function latestRuns({ runs }: FleetView): readonly RunView[] {
  const all = [...runs.values()].sort((a, b) => a.saidAt - b.saidAt);
  const live = all.filter((run) => !isOver(run));
  return live.length > 0 ? live : all.slice(-1);
}

export const isOver = ({ phase }: RunView): boolean => OVER.has(phase);
