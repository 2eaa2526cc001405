import { type IdKind, isId, requireId } from '../ids.ts';
import { type TopicName, type TopicParams, topicNames, topics } from './table.ts';

/** A topic taken apart; `params` holds the ids by the pattern's names. */
export interface ParsedTopic {
  readonly name: TopicName;
  readonly params: Readonly<Record<string, string>>;
}

const ROOT = 'flotilla';
const ANY = '+';

const idKinds: Readonly<Record<string, IdKind>> = { id: 'board', from: 'board', to: 'board', run: 'run' };

interface Level {
  readonly text: string;
  /** Set where the level is a hole of the pattern. */
  readonly hole?: string;
}

const levelsOf = (pattern: string): readonly Level[] =>
  pattern.split('/').map((text) => (text.startsWith('{') ? { text, hole: text.slice(1, -1) } : { text }));

const levelsByName = Object.fromEntries(topicNames.map((name) => [name, levelsOf(topics[name].pattern)])) as Record<
  TopicName,
  readonly Level[]
>;

/**
 * `formatTopic('lab', 'deviceState', {id: 'pi-1'})` is `flotilla/lab/devices/pi-1/state`.
 * @throws InvalidIdError for a fleet, board or run id that breaks its rule.
 */
export function formatTopic<N extends TopicName>(fleet: string, name: N, params: TopicParams<N>): string {
  return formatLevels(fleet, name, params as Readonly<Record<string, string>>, false);
}

/** As `formatTopic`, where `'+'` stands for any id. */
export function formatFilter<N extends TopicName>(fleet: string, name: N, params: TopicParams<N>): string {
  return formatLevels(fleet, name, params as Readonly<Record<string, string>>, true);
}

function formatLevels(fleet: string, name: TopicName, params: Readonly<Record<string, string>>, any: boolean): string {
  const levels = levelsByName[name].map(({ text, hole }) => {
    if (hole === undefined) return text;
    const value = params[hole];
    if (any && value === ANY) return ANY;
    return requireId(idKinds[hole] ?? 'board', value);
  });
  return [ROOT, requireId('fleet', fleet), ...levels].join('/');
}

/** The row and ids of a topic of `fleet`, or null for anything that the table does not hold. */
export function parseTopic(fleet: string, topic: string): ParsedTopic | null {
  const levels = ownLevels(fleet, topic);
  if (levels === null) return null;
  for (const name of topicNames) {
    const params = matchLevels(levelsByName[name], levels, false);
    if (params !== null) return { name, params };
  }
  return null;
}

/**
 * Every row that a subscription's filter could receive, with `'+'` where the filter leaves an id open.
 * Empty for filters outside the fleet.
 */
export function rowsOfFilter(fleet: string, filter: string): readonly ParsedTopic[] {
  const levels = ownLevels(fleet, filter);
  if (levels === null) return [];
  return topicNames.flatMap((name) => {
    const pattern = levelsByName[name];
    const whole = levels.at(-1) === '#' ? expandRest(levels, pattern.length) : levels;
    const params = whole === null ? null : matchLevels(pattern, whole, true);
    return params === null ? [] : [{ name, params }];
  });
}

/** MQTT 3.1.1 §4.7: whether a topic is one of those that `filter` asks for. */
export function matchesFilter(filter: string, topic: string): boolean {
  if (filter === topic) return true;
  const levels = topic.split('/');
  const wanted = filter.split('/');
  if (wanted.at(-1) === '#') {
    const fixed = wanted.slice(0, -1);
    return fixed.length <= levels.length && fixed.every((level, at) => level === ANY || level === levels[at]);
  }
  return wanted.length === levels.length && wanted.every((level, at) => level === ANY || level === levels[at]);
}

/** `a/#` as a pattern of `length` levels: the rest is open. MQTT 3.1.1 §4.7.1.2: `#` also matches its parent. */
function expandRest(levels: readonly string[], length: number): readonly string[] | null {
  const fixed = levels.slice(0, -1);
  return fixed.length > length ? null : [...fixed, ...Array<string>(length - fixed.length).fill(ANY)];
}

function ownLevels(fleet: string, topic: string): readonly string[] | null {
  const [root, owner, ...levels] = topic.split('/');
  return root === ROOT && owner === fleet ? levels : null;
}

function matchLevels(
  pattern: readonly Level[],
  levels: readonly string[],
  any: boolean,
): Readonly<Record<string, string>> | null {
  if (pattern.length !== levels.length) return null;
  const params: Record<string, string> = {};
  for (const [at, { text, hole }] of pattern.entries()) {
    const level = levels[at] as string;
    if (any && level === ANY) {
      if (hole !== undefined) params[hole] = ANY;
    } else if (hole === undefined) {
      if (level !== text) return null;
    } else {
      if (!isId(idKinds[hole] ?? 'board', level)) return null;
      params[hole] = level;
    }
  }
  return params;
}
