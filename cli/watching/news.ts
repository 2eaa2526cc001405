import { type BoardView, type FleetView, heldStage, type Seen, see, type WatchedTopic } from '../../dashboard/index.ts';
import { eventWords, stageWord, throttleWord } from './board-words.ts';

type SeenOf<Topic extends WatchedTopic> = Extract<Seen, { topic: Topic }>;
type News = string | undefined;
/** @param before the picture before the message, and the one after it */
type Teller<Topic extends WatchedTopic> = (seen: SeenOf<Topic>, before: FleetView, after: FleetView) => News;

/** Phases that are over at once. */
const PASSING: ReadonlySet<string> = new Set(['opening', 'opened', 'stopping']);

const tellers: { readonly [Topic in WatchedTopic]: Teller<Topic> } = {
  deviceState({ id, message }, before) {
    if (message.kind === before.boards.get(id)?.connection) return undefined;
    if (message.kind === 'online') return `${id} is online at ${message.dataUrl}`;
    return message.kind === 'lost' ? `${id} is lost` : `${id} went offline: ${message.reason}`;
  },
  deviceProfile({ id, message: { measured } }, before) {
    if (measured === undefined || measured.at === before.boards.get(id)?.profile?.measured?.at) return undefined;
    return `${id} has measured itself: ${measured.measurements} measurements in ${measured.seconds.toFixed(0)} s`;
  },
  deviceService({ id, message }, before) {
    const was = before.boards.get(id)?.drained !== undefined;
    if (message.kind === 'drained') return was ? undefined : `${id} is drained: ${message.reason}`;
    return was ? `${id} may have work again` : undefined;
  },
  deviceTelemetry({ id }, before, after) {
    const [was, is] = [before, after].map(({ boards }) => throttledIn(boards.get(id)));
    return was === is ? undefined : `${id} throttled: ${is}`;
  },
  deviceStage({ id }, before, after) {
    const board = after.boards.get(id)!;
    const held = heldStage(board);
    if (held?.kind === 'measuring') return `${id} ${stageWord(board)}`;
    if (held !== undefined) return `${id}: ${stageWord(board)}`;
    return holdsBlocks(before.boards.get(id)) ? `${id} holds no stage any more` : undefined;
  },
  runState({ id, message: { phase, reason, term } }, before) {
    const known = before.runs.get(id);
    if (PASSING.has(phase) || (known?.phase === phase && known.term === term)) return undefined;
    return `${id} is ${phase}, plan ${term}${reason === undefined ? '' : `: ${reason}`}`;
  },
  runEvents({ id, message: { what, detail } }, _before, after) {
    // What is looked at every few steps and changes nothing would drown the rest.
    if (what === 'replicated' || (what === 'weighed' && detail.worthIt !== true)) return undefined;
    return `${id} ${eventWords(after.events.at(-1)!)}`;
  },
  runMetrics({ id, message: { step, steps, loss, samplesPerSecond } }) {
    const last = loss === null ? '' : `, loss ${loss.toFixed(4)}`;
    return `${id} step ${step + 1} of ${steps}${last}, ${samplesPerSecond.toFixed(0)} samples/s`;
  },
  deviceHeartbeat: () => undefined,
  runPlan: () => undefined,
};

/**
 * What a message brings that is new, as one line for those who read a log instead of a picture; undefined where it is
 * nothing. Pure. Every step is news: the caller chooses among them.
 * @param before the picture before this message
 */
export function newsOf(before: FleetView, seen: Seen): News {
  const tell = tellers[seen.topic] as (seen: Seen, before: FleetView, after: FleetView) => News;
  return tell(seen, before, see(before, seen));
}

/** 'no' also where nothing is known: a board that cannot tell is no news. */
function throttledIn(board: BoardView | undefined): string {
  const word = board === undefined ? '–' : throttleWord(board);
  return word === '–' ? 'no' : word;
}

function holdsBlocks(board: BoardView | undefined): boolean {
  const held = board === undefined ? undefined : heldStage(board);
  return held !== undefined && held.kind !== 'measuring';
}
