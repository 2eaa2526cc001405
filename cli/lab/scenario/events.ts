import type { YAMLMap } from 'yaml';
import type { ScenarioReader } from './reader.ts';
import type { LabEvent, Moment, ScenarioBoard } from './types.ts';

/** What may happen to a board, and what it has to be for that. */
type Standing = 'there' | 'late' | 'dead';
const needed = { joins: 'late', quota: 'there', dies: 'there', returns: 'dead' } as const satisfies Record<
  LabEvent['event'],
  Standing
>;
const afterwards = { joins: 'there', quota: 'there', dies: 'dead', returns: 'there' } as const satisfies Record<
  LabEvent['event'],
  Standing
>;
const standingWords: Readonly<Record<Standing, string>> = {
  there: 'is there',
  late: 'has not joined yet',
  dead: 'has died',
};
export const eventNames = Object.keys(needed) as readonly LabEvent['event'][];

/**
 * The list `events`, in the order in which they happen to each board: a board whose first event is `joins` is not there
 * at the beginning. @throws ScenarioError
 */
export function readEvents(
  reader: ScenarioReader,
  root: YAMLMap,
  boards: readonly ScenarioBoard[],
  quotaOf: (map: YAMLMap) => number | undefined,
): readonly LabEvent[] {
  if (!root.has('events')) return [];
  const standing = new Map<string, Standing>();
  return reader.list(root, 'events').map((item, at) => {
    const map = reader.map(item, `events[${at}]`, ['after', 'board', 'event', 'quota']);
    const event = reader.choice(map, 'event', eventNames);
    const name = reader.choice(
      map,
      'board',
      boards.map(({ name: known }) => known),
    );
    const board = boards.find(({ name: known }) => known === name)!;
    const is = standing.get(name) ?? (event === 'joins' ? 'late' : 'there');
    if (is !== needed[event]) {
      reader.fail(map, 'event', `${name} ${event}, but by then it ${standingWords[is]}`);
    }
    standing.set(name, afterwards[event]);
    const after = readMoment(reader, map);
    const quota = quotaOf(map);
    if (event !== 'quota') {
      if (quota !== undefined) reader.fail(map.get('quota', true), 'quota', `quota goes with the event "quota"`);
      return { after, board: name, event };
    }
    if (quota === undefined)
      return reader.fail(map, 'quota', `events[${at}] has no key "quota": the new share of a core`);
    if (board.quota === undefined) {
      return reader.fail(map, 'board', `${name} has no quota at the beginning that could change: give it one`);
    }
    return { after, board: name, event, quota };
  });
}

const LONGEST = 1_000_000;

function readMoment(reader: ScenarioReader, map: YAMLMap): Moment {
  const text = map.get('after');
  const [, digits = '', unit = ''] = /^\s*(\d+)\s*(steps?|s)\s*$/.exec(String(text)) ?? [];
  const amount = Number(digits);
  if (digits === '' || amount > LONGEST) {
    return reader.fail(
      map.get('after', true) ?? map,
      'after',
      `after "${String(text)}" is neither steps nor seconds, such as 40 steps or 30 s`,
    );
  }
  return unit === 's' ? { seconds: amount } : { steps: amount };
}
