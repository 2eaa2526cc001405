import type { FleetState } from './state.ts';
import { leave, withBoard } from './transitions.ts';

/** Longer without any event, and the hub itself has slept: it asks itself every second. */
const SLEPT_SECONDS = 2.5;
/** How often the hub looks for heartbeats that stay out. */
const LOOK_SECONDS = 1;

/** The state at a later time. What the hub has slept through counts against no board. */
export function wakeUp(before: FleetState, now: number): FleetState {
  const slept = now - before.now;
  if (slept < SLEPT_SECONDS || before.boards.size === 0) return { ...before, now };
  const boards = [...before.boards].map(([id, board]) => {
    return [id, board.beatAt === undefined ? board : { ...board, beatAt: board.beatAt + slept }] as const;
  });
  return { ...before, now, boards: new Map(boards) };
}

export function hearBeat(state: FleetState, board: string): FleetState {
  const { silent = false, ...known } = state.boards.get(board) ?? {};
  const { now } = state;
  return withBoard(state, board, { ...known, beatAt: now, ...(silent ? { onlineSince: now } : {}) });
}

/** A board whose heartbeats stay out is as good as gone, until one comes. */
export function missBeat(
  state: FleetState,
  { board, seconds }: { readonly board: string; readonly seconds: number },
): FleetState {
  const silent = withBoard(state, board, { ...state.boards.get(board), silent: true });
  return leave(silent, board, `gave no sign of life for ${seconds} s`);
}

/** The online boards whose heartbeat has been due for too long. */
export function missing({ boards, run }: FleetState, now: number): readonly string[] {
  if (run === undefined) return [];
  const since = now - run.request.deadlines.heartbeat;
  return [...boards].flatMap(([id, { online, beatAt, silent = false }]) => {
    return online !== undefined && !silent && beatAt !== undefined && beatAt <= since ? [id] : [];
  });
}

/** When to look again; Infinity where no board sends heartbeats. */
export function nextLook({ boards, now }: FleetState): number {
  return [...boards.values()].some(({ online, beatAt }) => online && beatAt !== undefined)
    ? now + LOOK_SECONDS
    : Infinity;
}
