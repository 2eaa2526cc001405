import type { BoardView, FleetView } from '../../dashboard/index.ts';
import { profileWord, stageSince, stageWord, stateWord, temperatureWord, throttleWord } from './board-words.ts';
import { age, shortened, table } from './cells.ts';

const MOST_KIND = 40;

/** One line a board, under a heading. */
export function devicesTable({ boards }: FleetView, now: number): readonly string[] {
  const heading = ['board', 'state', 'since', 'kind', 'cores', 'temp', 'throttled', 'profile', 'holds', 'since'];
  return table([heading, ...[...boards.values()].map((board) => row(board, now))]);
}

function row(board: BoardView, now: number): readonly string[] {
  const { id, connectionSince, profile } = board;
  return [
    id,
    stateWord(board, now),
    age(connectionSince, now),
    profile === undefined ? '–' : shortened(profile.model, MOST_KIND),
    profile === undefined ? '–' : String(profile.cores),
    temperatureWord(board),
    throttleWord(board),
    profileWord(board),
    stageWord(board),
    stageSince(board, now),
  ];
}
