import { type BoardView, type EventView, heldStage, standing } from '../../dashboard/index.ts';
import { age } from './cells.ts';

/** What is known of one board, in words for a table. */

const UNKNOWN = '–';

/** `online`, `silent, drained`, `not seen`. */
export function stateWord(board: BoardView, now: number): string {
  const is = standing(board, now);
  return `${is === 'unseen' ? 'not seen' : is}${board.drained === undefined ? '' : ', drained'}`;
}

/** `stage 0, blocks 0–3, of RUN: training`. */
export function stageWord(board: BoardView): string {
  const held = heldStage(board);
  if (held === undefined) return UNKNOWN;
  if (held.kind === 'measuring') return `measures itself for ${held.run}`;
  return `stage ${held.stage}, ${blocks(held)}, of ${held.run}: ${held.kind}`;
}

/** As `stageWord`, where the run is known: `0, blocks 0–3`, and what it does with it. */
export function shortStage(board: BoardView, now: number): readonly [stage: string, does: string] {
  const held = heldStage(board);
  if (held === undefined) return [UNKNOWN, UNKNOWN];
  const stage = held.kind === 'measuring' ? UNKNOWN : `${held.stage}, ${blocks(held)}`;
  return [stage, `${held.kind} ${stageSince(board, now)}`];
}

function blocks({ firstBlock, lastBlock }: { readonly firstBlock: number; readonly lastBlock: number }): string {
  return firstBlock === lastBlock ? `block ${firstBlock}` : `blocks ${firstBlock}–${lastBlock}`;
}

/** `moving: board2 is there; after step 9`. */
export function eventWords({ what, text }: Pick<EventView, 'what' | 'text'>): string {
  return text === '' ? what : `${what}: ${text}`;
}

export function stageSince(board: BoardView, now: number): string {
  const held = heldStage(board);
  return held === undefined ? UNKNOWN : age(Date.parse(held.since), now);
}

/** What a board last said of its temperature. One that is gone says nothing. */
export function temperatureWord({ connection, telemetry }: BoardView): string {
  const { temperatureC } = (connection === 'online' && telemetry) || {};
  return temperatureC === undefined ? UNKNOWN : `${temperatureC.toFixed(0)} °C`;
}

const conditions = {
  throttled: 'throttled',
  underVoltage: 'under-voltage',
  frequencyCapped: 'capped',
  softTemperatureLimit: 'soft limit',
} as const;

/** `no`, or what the firmware says against the board now; – where it cannot tell. */
export function throttleWord({ connection, telemetry }: BoardView): string {
  const { throttled, throttle } = (connection === 'online' && telemetry) || {};
  const now: Partial<Record<string, boolean | undefined>> = throttle?.now ?? { throttled };
  const words = Object.entries(conditions).flatMap(([flag, word]) => (now[flag] === true ? [word] : []));
  if (words.length > 0) return words.join(', ');
  return throttled === undefined && throttle === undefined ? UNKNOWN : 'no';
}

export function profileWord({ profile }: BoardView): string {
  return profile?.measured === undefined ? 'not yet' : 'known';
}
