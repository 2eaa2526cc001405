import type { DeviceState, RunMetrics } from '../../broker/index.ts';
import { type Plan, parsePlan } from '../../planner/index.ts';
import { eventText } from './event-text.ts';
import { isOver } from './standing.ts';
import { type BoardView, type EventView, type FleetView, newBoard, type RunView, type Seen } from './types.ts';

const MOST_LOSSES = 500;
const MOST_EVENTS = 200;
/** More than the hub keeps of runs that are over (docs/topics.md), for whoever watches for years. */
const MOST_RUNS = 20;

type SeenOf<Topic extends Seen['topic']> = Extract<Seen, { topic: Topic }>;

/** The picture after one more message. Pure: the same messages in the same order give the same picture. */
export function see(view: FleetView, seen: Seen): FleetView {
  const { id, message } = seen;
  switch (seen.topic) {
    case 'deviceState':
      return seeState(view, seen);
    case 'deviceProfile':
      return withBoard(view, id, { profile: seen.message });
    case 'deviceService':
      return withBoard(view, id, { drained: seen.message.kind === 'drained' ? seen.message.reason : undefined });
    case 'deviceHeartbeat':
      return withBoard(view, id, { beatAt: seen.heardAt });
    case 'deviceTelemetry':
      return withBoard(view, id, { telemetry: seen.message });
    case 'deviceStage':
      return withBoard(view, id, { stage: seen.message });
    case 'runPlan':
      return withRun(view, seen, { term: seen.message.term, plan: planOf(seen.message.plan) });
    case 'runState': {
      const { term, phase, reason } = seen.message;
      return withRun(view, seen, { term, phase, reason });
    }
    case 'runMetrics': {
      const losses = withLoss(view.runs.get(id)?.losses ?? [], seen.message);
      return withRun(view, seen, { term: seen.message.term, metrics: seen.message, losses });
    }
    case 'runEvents': {
      const { what, detail } = seen.message;
      // It happens every few seconds, and nothing follows from it until a board is lost.
      if (what === 'replicated') return view;
      return withEvent(view, { at: seen.saidAt ?? seen.heardAt, about: id, what, text: eventText(what, detail) });
    }
    default:
      seen satisfies never;
      throw new Error(`nobody watches ${JSON.stringify(message)}`);
  }
}

/** A board that comes or goes is an event, but not that it was there when somebody began to look. */
function seeState(view: FleetView, { id, message, saidAt, heardAt }: SeenOf<'deviceState'>): FleetView {
  const before = view.boards.get(id)?.connection;
  const known = view.boards.get(id) ?? newBoard(id);
  // Heartbeats of an earlier connection count no more.
  const next = { ...known, beatAt: undefined, connection: message.kind, connectionSince: saidAt };
  const boards = new Map(view.boards).set(id, next);
  if (before === undefined || before === message.kind) return { ...view, boards };
  return withEvent({ ...view, boards }, { at: saidAt ?? heardAt, about: id, what: message.kind, text: words(message) });
}

function words(message: DeviceState): string {
  switch (message.kind) {
    case 'online':
      return `its broker is at ${message.dataUrl}`;
    case 'offline':
      return message.reason;
    case 'lost':
      return 'its process or its connection ended';
    default:
      return message satisfies never;
  }
}

function withBoard(view: FleetView, id: string, change: Partial<BoardView>): FleetView {
  const board = { ...(view.boards.get(id) ?? newBoard(id)), ...change };
  return { ...view, boards: new Map(view.boards).set(id, board) };
}

function withRun(view: FleetView, { id, saidAt, heardAt }: Seen, change: Partial<RunView>): FleetView {
  const fresh: RunView = {
    run: id,
    phase: undefined,
    term: 0,
    reason: undefined,
    plan: undefined,
    metrics: undefined,
    losses: [],
    saidAt: 0,
  };
  const before = view.runs.get(id) ?? fresh;
  const run = { ...before, ...change, saidAt: Math.max(before.saidAt, saidAt ?? heardAt) };
  return { ...view, runs: withoutOldest(new Map(view.runs).set(id, run)) };
}

/** Of too many runs the one that was heard of longest ago goes; one that is over goes before one that is not. */
function withoutOldest(runs: ReadonlyMap<string, RunView>): FleetView['runs'] {
  if (runs.size <= MOST_RUNS) return runs;
  const [oldest] = [...runs.values()].sort((a, b) => Number(isOver(b)) - Number(isOver(a)) || a.saidAt - b.saidAt);
  return new Map([...runs].filter(([, run]) => run !== oldest));
}

/** Weighing goes on all the time: of several in a row the latest says it all. */
function withEvent(view: FleetView, event: EventView): FleetView {
  const last = view.events.at(-1);
  const isAgain = event.what === 'weighed' && last?.what === event.what && last.about === event.about;
  return { ...view, events: [...view.events.slice(0, isAgain ? -1 : undefined), event].slice(-MOST_EVENTS) };
}

/** A run that was resumed does some steps again: their old losses go. */
function withLoss(losses: RunView['losses'], { step, loss }: RunMetrics): RunView['losses'] {
  if (loss === null) return losses;
  return [...losses.filter((known) => known.step < step), { step, loss }].slice(-MOST_LOSSES);
}

/** A plan of another version of Flotilla is no reason to see nothing of the rest. */
function planOf(value: unknown): Plan | undefined {
  try {
    return parsePlan(value);
  } catch {
    return undefined;
  }
}
