import { type BoardView, type FleetView, heldStage, type RunView, standing } from '../../dashboard/index.ts';

/** What `--json` prints of a board. Times are ISO 8601; what is not known is null. */
export function boardReport(board: BoardView, now: number) {
  const { id, connection, connectionSince, drained, profile, telemetry } = board;
  const said = connection === 'online' ? telemetry : undefined;
  return {
    board: id,
    state: standing(board, now),
    since: connectionSince === undefined ? null : new Date(connectionSince).toISOString(),
    drained: drained ?? null,
    kind: profile?.model ?? null,
    platform: profile?.platform ?? null,
    cores: profile?.cores ?? null,
    memoryBytes: profile?.memoryBytes ?? null,
    temperatureC: said?.temperatureC ?? null,
    throttled: said?.throttled ?? null,
    profile: profile?.measured ?? null,
    stage: stageReport(board),
  };
}

function stageReport(board: BoardView) {
  const held = heldStage(board);
  if (held === undefined) return null;
  const { kind: state, board: _, ...what } = held;
  return { state, ...what };
}

function runReport({ run, phase, term, reason, plan, metrics }: RunView) {
  return {
    run,
    phase: phase ?? null,
    term,
    reason: reason ?? null,
    model: plan?.model.name ?? null,
    metrics: metrics ?? null,
  };
}

/** What `flotilla watch --json` ends with. */
export function viewReport(fleet: string, { boards, runs, events }: FleetView, now: number) {
  return {
    fleet,
    boards: [...boards.values()].map((board) => boardReport(board, now)),
    runs: [...runs.values()].map(runReport),
    events,
  };
}
