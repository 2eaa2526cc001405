import { readFile } from 'node:fs/promises';
import { LineCounter, parseDocument, type YAMLMap } from 'yaml';
import { isId } from '../../../broker/index.ts';
import { ScenarioError } from '../errors.ts';
import { readEvents } from './events.ts';
import { chance, delay, memory, rate } from './quantities.ts';
import { ScenarioReader } from './reader.ts';
import { type Link, lateBoards, type Scenario, type ScenarioBoard } from './types.ts';

const LONGEST_FILE_CHARACTERS = 1024 * 1024;
const MOST_BOARDS = 200;
/** Below, a board would compute for one millisecond (the least that the kernel gives) in more than 100. */
const LEAST_QUOTA = 0.01;
const MOST_QUOTA = 64;
const MOST_THREADS = 64;

/** Reads and checks a scenario file. @throws ScenarioError */
export async function readScenario(file: string): Promise<Scenario> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    throw new ScenarioError(file, 0, '', missing ? 'there is no such file' : (error as Error).message);
  }
  return parseScenario(text, file);
}

/** Checks the text of a scenario; `file` is for the messages. @throws ScenarioError */
export function parseScenario(text: string, file: string): Scenario {
  if (text.length > LONGEST_FILE_CHARACTERS) throw new ScenarioError(file, 0, '', 'is longer than 1 MiB');
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const [broken] = document.errors;
  if (broken !== undefined) {
    throw new ScenarioError(file, lines.linePos(broken.pos[0]).line, '', `is not YAML: ${broken.message}`);
  }
  const reader = new ScenarioReader(file, lines);
  const root = reader.map(document.contents, 'the scenario', ['link', 'boards', 'events']);
  const usual = root.has('link') ? readLink(reader, root, 'link') : undefined;
  const items = reader.list(root, 'boards');
  if (items.length > MOST_BOARDS) {
    reader.fail(
      items[MOST_BOARDS],
      'boards',
      `there are ${items.length} boards: at most ${MOST_BOARDS} can be emulated`,
    );
  }
  const names = new Set<string>(['hub']);
  const boards = items.map((item, at) => readBoard(reader, item, `boards[${at}]`, { usual, names }));
  const events = readEvents(reader, root, boards, (map) => readQuota(reader, map));
  const late = lateBoards({ events });
  if (boards.every(({ name }) => late.includes(name))) {
    reader.fail(root.get('events', true), 'events', 'no board is there at the beginning');
  }
  return { boards, events };
}

interface Shared {
  /** The link of boards that say nothing else. */
  readonly usual: Partial<Link> | undefined;
  /** Names that are taken. */
  readonly names: Set<string>;
}

function readBoard(reader: ScenarioReader, item: unknown, where: string, { usual, names }: Shared): ScenarioBoard {
  const board = reader.map(item, where, ['name', 'quota', 'threads', 'memory', 'link']);
  const name = readName(reader, board, where, names);
  const quota = readQuota(reader, board);
  const threads = reader.value(board, 'threads', wholeNumberFrom(1, MOST_THREADS));
  const memoryBytes = reader.quantity(board, 'memory', memory);
  const own = board.has('link') ? readLink(reader, board, `${where}.link`) : undefined;
  const link = usual === undefined && own === undefined ? undefined : { delaySeconds: 0, loss: 0, ...usual, ...own };
  return {
    name,
    threads: threads ?? 1,
    ...(quota === undefined ? {} : { quota }),
    ...(memoryBytes === undefined ? {} : { memoryBytes }),
    ...(link === undefined ? {} : { link }),
  };
}

function readQuota(reader: ScenarioReader, map: YAMLMap): number | undefined {
  return reader.value(map, 'quota', numberFrom(LEAST_QUOTA, MOST_QUOTA, 'a share of one core such as 0.4'));
}

function readName(reader: ScenarioReader, board: YAMLMap, where: string, taken: Set<string>): string {
  const name = board.get('name');
  const node = board.get('name', true) ?? board;
  if (name === undefined) return reader.fail(node, 'name', `${where} has no key "name"`);
  if (!isId('board', name)) {
    return reader.fail(node, 'name', `name "${String(name)}" is not lower-case letters, digits and inner dashes`);
  }
  if (taken.has(name)) return reader.fail(node, 'name', `name "${name}" is taken already`);
  taken.add(name);
  return name;
}

function readLink(reader: ScenarioReader, parent: YAMLMap, where: string): Partial<Link> {
  const link = reader.map(parent.get('link', true), where, ['rate', 'delay', 'loss']);
  const bytesPerSecond = reader.quantity(link, 'rate', rate);
  const delaySeconds = reader.quantity(link, 'delay', delay);
  const loss = reader.quantity(link, 'loss', chance);
  return {
    ...(bytesPerSecond === undefined ? {} : { bytesPerSecond }),
    ...(delaySeconds === undefined ? {} : { delaySeconds }),
    ...(loss === undefined ? {} : { loss }),
  };
}

function numberFrom(least: number, most: number, what: string) {
  return (value: unknown): number | string =>
    typeof value === 'number' && value >= least && value <= most
      ? value
      : `is not ${what}: it goes from ${least} to ${most}`;
}

function wholeNumberFrom(least: number, most: number) {
  return (value: unknown): number | string =>
    Number.isInteger(value) && (value as number) >= least && (value as number) <= most
      ? (value as number)
      : `is not a whole number from ${least} to ${most}`;
}
