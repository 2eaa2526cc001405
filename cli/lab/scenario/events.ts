import type { YAMLMap } from 'yaml';
import type { ScenarioReader } from './reader.ts';
import type { LabEvent, Moment, ScenarioBoard } from './types.ts';

type Standing = 'there' | 'late' | 'dead';

/** What may happen to a board: what it has to be for that, and what it is then. */
const rules: Readonly<Record<LabEvent['event'], { readonly needs: Standing; readonly becomes: Standing }>> = {
  joins: { needs: 'late', becomes: 'there' },
  quota: { needs: 'there', becomes: 'there' },
  dies: { needs: 'there', becomes: 'dead' },
  returns: { needs: 'dead', becomes: 'there' },
};
const eventNames = Object.keys(rules) as readonly LabEvent['event'][];

const standingWords: Readonly<Record<Standing, string>> = {
  there: 'is there',
  late: 'has not joined yet',
  dead: 'has died',
};

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
    const names = boards.map(({ name }) => name);
    const board = reader.choice(map, 'board', names);
    const { needs, becomes } = rules[event];
    const is = standing.get(board) ?? (event === 'joins' ? 'late' : 'there');
    if (is !== needs) reader.fail(map, 'event', `${board} ${event}, but by then it ${standingWords[is]}`);
    standing.set(board, becomes);
    const after = readMoment(reader, map);
    const quota = quotaOf(map);
    if (event === 'quota') {
      if (quota === undefined)
        return reader.fail(map, 'quota', `events[${at}] has no key "quota": the new share of a core`);
      if (boards.some(({ name, quota: first }) => name === board && first === undefined)) {
        return reader.fail(map, 'board', `${board} has no quota at the beginning that could change: give it one`);
      }
      return { after, board, event, quota };
    }
    if (quota !== undefined) reader.fail(map.get('quota', true), 'quota', 'quota goes with the event "quota"');
    return { after, board, event };
  });
}

const LONGEST = 1_000_000;

function readMoment(reader: ScenarioReader, map: YAMLMap): Moment {
  const text = map.get('after');
  const [, digits = '', unit = ''] = /^\s*(\d+)\s*(steps?|s|s of training)\s*$/.exec(String(text)) ?? [];
  const amount = Number(digits);
  if (digits === '' || amount > LONGEST) {
    return reader.fail(
      map.get('after', true) ?? map,
      'after',
      `after "${String(text)}" is neither steps nor seconds, such as 40 steps, 30 s or 30 s of training`,
    );
  }
  if (unit === 's of training') return { trainingSeconds: amount };
  return unit === 's' ? { seconds: amount } : { steps: amount };
}
