import type { YAMLMap } from 'yaml';
import { cutKinds, defaultCuts, modelNames, optimizerNames, randomStream } from '../../models/index.ts';
import type { BlockCost } from '../costs.ts';
import { type LinkModel, nominalLink } from '../links.ts';
import { defaultScheduleWish, scheduleWishes } from '../schedule/index.ts';
import { ScenarioReader } from './reader.ts';
import type { Churn, Scenario, ScenarioBoard, ScenarioWork } from './types.ts';

const MOST_BOARDS = 1000;
const MOST_BLOCKS = 1000;
const BYTES_PER_MEGABIT = 1e6 / 8;

const positive = { above: 0 } as const;
const notNegative = { least: 0 } as const;
const known = {
  scenario: [
    'version',
    'model',
    'classes',
    'optimizer',
    'cuts',
    'blocks',
    'batch',
    'microBatches',
    'schedule',
    'useAll',
    'boards',
    'links',
    'split',
    'churn',
  ],
  boards: ['id', 'count', 'gflops', 'gflopsMost', 'memoryMB', 'memoryMBMost', 'callMilliseconds'],
  blocks: ['name', 'count', 'forwardMflops', 'backwardMflops', 'parameterKB', 'outputKB', 'stashKB', 'workspaceKB'],
  link: ['megabitsPerSecond', 'latencyMilliseconds', 'bytesRatio', 'codecNanosecondsPerByte'],
  churn: ['minutes', 'seed', 'leavePerMinute', 'joinPerMinute'],
} as const;

/**
 * A scenario from the text of its file; `file` is for the messages. docs/planner.md lists the keys.
 * @throws ScenarioError with line, key and value
 */
export function parseScenario(text: string, file: string): Scenario {
  const reader = new ScenarioReader(text, file);
  const { root } = reader;
  reader.keys(root, 'the scenario', known.scenario, ['version', 'batch', 'microBatches', 'boards']);
  reader.number(root, 'version', { least: 1, most: 1, whole: true });
  const batch = reader.number(root, 'batch', { least: 1, most: 1e6, whole: true });
  const boards = readBoards(reader);
  const { link, links } = readLinks(reader, boards);
  const work = readWork(reader);
  return {
    work,
    batch,
    microBatches: readMicroBatches(reader, batch),
    schedule: reader.oneOf(root, 'schedule', scheduleWishes, defaultScheduleWish),
    useAll: reader.flag(root, 'useAll'),
    boards,
    link,
    links,
    split: readSplit(reader, boards),
    churn: readChurn(reader),
  };
}

function readMicroBatches(reader: ScenarioReader, batch: number): readonly number[] {
  const node = reader.root.get('microBatches', true) as unknown;
  const isList = typeof node === 'object' && node !== null && 'items' in node;
  const nodes = isList ? reader.list(reader.root, 'microBatches') : [node];
  return nodes.map((item) => {
    const value = reader.numberOf(item, 'microBatches', { least: 1, most: 1024, whole: true });
    if (batch % value === 0) return value;
    return reader.fail(
      item,
      'microBatches',
      `microBatches is ${value}, into which a batch of ${batch} does not divide`,
    );
  });
}

function readWork(reader: ScenarioReader): ScenarioWork {
  const { root } = reader;
  if (root.has('model') === root.has('blocks')) {
    return reader.fail(root, 'model', "a scenario has either the key 'model' or the key 'blocks'; write one of them");
  }
  if (root.has('blocks')) return { kind: 'blocks', blocks: readBlocks(reader) };
  return {
    kind: 'model',
    name: reader.oneOf(root, 'model', modelNames, modelNames[0]!),
    classes: reader.number(root, 'classes', { least: 2, most: 1e6, whole: true }, 10),
    optimizer: reader.oneOf(root, 'optimizer', optimizerNames, 'sgd'),
    cuts: reader.oneOf(root, 'cuts', cutKinds, defaultCuts),
  };
}

function readBlocks(reader: ScenarioReader): readonly BlockCost[] {
  const blocks = reader.maps(reader.root, 'blocks').flatMap((map) => {
    reader.keys(map, 'blocks', known.blocks, ['forwardMflops', 'outputKB']);
    const number = (key: (typeof known.blocks)[number], fallback?: number) =>
      reader.number(map, key, notNegative, fallback);
    const forwardFlops = 1e6 * number('forwardMflops');
    const outputBytes = 1e3 * number('outputKB');
    const parameterBytes = 1e3 * number('parameterKB', 0);
    const block: BlockCost = {
      name: reader.text(map, 'name', 'block'),
      forwardFlops,
      backwardFlops: map.has('backwardMflops') ? 1e6 * number('backwardMflops') : 2 * forwardFlops,
      parameterBytes,
      optimizerBytes: parameterBytes,
      stashBytesPerMicroBatch: map.has('stashKB') ? 1e3 * number('stashKB') : outputBytes,
      workspaceBytes: 1e3 * number('workspaceKB', 0),
      outputBytes,
    };
    const count = reader.number(map, 'count', { least: 1, most: MOST_BLOCKS, whole: true }, 1);
    return Array.from({ length: count }, () => block);
  });
  if (blocks.length <= MOST_BLOCKS) return blocks;
  return reader.fail(
    reader.root.get('blocks', true),
    'blocks',
    `blocks are ${blocks.length}; at most ${MOST_BLOCKS} will do`,
  );
}

function readBoards(reader: ScenarioReader): readonly ScenarioBoard[] {
  const seen = new Set<string>();
  const boards = reader.maps(reader.root, 'boards').flatMap((map) => {
    reader.keys(map, 'boards', known.boards, ['id', 'gflops', 'memoryMB']);
    const id = reader.text(map, 'id');
    const count = reader.number(map, 'count', { least: 1, most: MOST_BOARDS, whole: true }, 1);
    const gflops = range(reader, map, 'gflops', 'gflopsMost');
    const memory = range(reader, map, 'memoryMB', 'memoryMBMost');
    const callSeconds = 1e-3 * reader.number(map, 'callMilliseconds', { least: 0, most: 1e4 }, 0);
    return Array.from({ length: count }, (_, index): ScenarioBoard => {
      const own = count === 1 ? id : `${id}-${index + 1}`;
      if (seen.has(own))
        reader.fail(map.get('id', true), 'id', `id '${own}' is taken by another board; choose another`);
      seen.add(own);
      const random = randomStream('scenario', own);
      return {
        id: own,
        flopsPerSecond: 1e9 * between(gflops, random.uniform()),
        memoryBytes: 1e6 * between(memory, random.uniform()),
        callSeconds,
      };
    });
  });
  if (boards.length <= MOST_BOARDS) return boards;
  return reader.fail(
    reader.root.get('boards', true),
    'boards',
    `boards are ${boards.length}; at most ${MOST_BOARDS} will do`,
  );
}

type Range = { readonly least: number; readonly most: number };

/** A number, or where the second key is there too, numbers drawn between the two for each board. */
function range(reader: ScenarioReader, map: YAMLMap, leastKey: string, mostKey: string): Range {
  const least = reader.number(map, leastKey, { above: 0, most: 1e9 });
  return { least, most: map.has(mostKey) ? reader.number(map, mostKey, { least, most: 1e9 }) : least };
}

/** Evenly on a logarithmic scale: a fleet has a few strong boards and many weak ones. */
function between({ least, most }: Range, share: number): number {
  return least === most ? least : least * (most / least) ** share;
}

function readLinks(reader: ScenarioReader, boards: readonly ScenarioBoard[]) {
  const map = reader.map(reader.root, 'links');
  const links = new Map<string, LinkModel>();
  if (map === undefined) return { link: nominalLink, links };
  reader.keys(map, 'links', [...known.link, 'between'], []);
  const link = readLink(reader, map, nominalLink);
  if (!map.has('between')) return { link, links };
  const ids = new Set(boards.map(({ id }) => id));
  for (const pair of reader.maps(map, 'between')) {
    reader.keys(pair, 'links.between', [...known.link, 'from', 'to', 'oneWay'], ['from', 'to']);
    const [from, to] = ['from', 'to'].map((key) => {
      const id = reader.text(pair, key);
      return ids.has(id) ? id : reader.fail(pair.get(key, true), key, `${key} is '${id}', which is no board`);
    }) as [string, string];
    if (from === to) reader.fail(pair.get('to', true), 'to', `a link goes from '${from}' to itself; name two boards`);
    const model = readLink(reader, pair, link);
    links.set(`${from}>${to}`, model);
    if (!reader.flag(pair, 'oneWay')) links.set(`${to}>${from}`, model);
  }
  return { link, links };
}

function readLink(reader: ScenarioReader, map: YAMLMap, usual: LinkModel): LinkModel {
  const rate = reader.number(
    map,
    'megabitsPerSecond',
    { above: 0, most: 1e7 },
    usual.bytesPerSecond / BYTES_PER_MEGABIT,
  );
  return {
    bytesPerSecond: rate * BYTES_PER_MEGABIT,
    latencySeconds:
      1e-3 * reader.number(map, 'latencyMilliseconds', { least: 0, most: 1e5 }, 1e3 * usual.latencySeconds),
    bytesRatio: reader.number(map, 'bytesRatio', { above: 0, most: 2 }, usual.bytesRatio ?? 1),
    codecSecondsPerByte:
      1e-9 *
      reader.number(map, 'codecNanosecondsPerByte', { least: 0, most: 1e4 }, 1e9 * (usual.codecSecondsPerByte ?? 0)),
  };
}

function readSplit(reader: ScenarioReader, boards: readonly ScenarioBoard[]): Scenario['split'] {
  if (!reader.root.has('split')) return undefined;
  const ids = new Set(boards.map(({ id }) => id));
  return reader.maps(reader.root, 'split').map((map) => {
    reader.keys(map, 'split', ['board', 'blocks'], ['board', 'blocks']);
    const board = reader.text(map, 'board');
    if (!ids.delete(board)) {
      reader.fail(map.get('board', true), 'board', `board '${board}' is no board, or has a stage already`);
    }
    return { board, blocks: reader.number(map, 'blocks', { least: 1, most: MOST_BLOCKS, whole: true }) };
  });
}

function readChurn(reader: ScenarioReader): Churn | undefined {
  const map = reader.map(reader.root, 'churn');
  if (map === undefined) return undefined;
  reader.keys(map, 'churn', known.churn, ['minutes', 'leavePerMinute', 'joinPerMinute']);
  return {
    minutes: reader.number(map, 'minutes', { ...positive, most: 1e5 }),
    seed: reader.number(map, 'seed', { least: 0, whole: true }, 1),
    leavePerMinute: reader.number(map, 'leavePerMinute', { least: 0, most: 60 }),
    joinPerMinute: reader.number(map, 'joinPerMinute', { least: 0, most: 60 }),
  };
}
