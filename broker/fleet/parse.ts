import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { isMap, isScalar, isSeq, LineCounter, type Node, type Pair, parseDocument, type YAMLMap } from 'yaml';
import { FleetFileError, quote } from '../errors.ts';
import { idRule, isId } from '../ids.ts';
import { PUBLIC_KEY_BYTES } from '../keyring/signature.ts';
import { VIEWER, VIEWER_DIGEST_BYTES } from '../keyring/viewer.ts';
import type { Fleet, FleetBoard, FleetHub } from './types.ts';

/** A fleet file is a few KiB; a longer one is something else. */
const LONGEST_FILE_BYTES = 1024 * 1024;
const HOST_NAME = /^(?=.{1,253}$)[A-Za-z0-9](?:[A-Za-z0-9-]{0,62})(?:\.[A-Za-z0-9-]{1,63})*$/;

/** Reads and validates a fleet file. @throws FleetFileError naming the line and the key. */
export async function readFleet(file: string): Promise<Fleet> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    const problem = missing ? 'there is no such file. `flotilla fleet init` makes one.' : (error as Error).message;
    throw new FleetFileError(file, 0, '', problem);
  }
  return parseFleet(text, file);
}

/** Validates the text of a fleet file; `file` is for the error messages. @throws FleetFileError */
export function parseFleet(text: string, file: string): Fleet {
  if (text.length > LONGEST_FILE_BYTES) throw new FleetFileError(file, 0, '', 'is longer than 1 MiB');
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const reader = new Reader(file, lines);
  const [broken] = document.errors;
  if (broken !== undefined) {
    throw new FleetFileError(file, lines.linePos(broken.pos[0]).line, '', `is not YAML: ${broken.message}`);
  }
  const root = reader.map(document.contents, '', ['version', 'name', 'hub', 'boards'], ['revoked', 'viewer']);
  const version = reader.scalar(root, 'version');
  if (version !== 1)
    reader.fail(root.get('version', true), 'version', `version ${quote(version)} is not 1, the only one`);
  const name = reader.id(root, 'name', 'fleet');
  const hub = readHub(reader, root);
  const boards = readBoards(reader, root, hub.id);
  const revoked = root.has('revoked') ? readRevoked(reader, root, boards) : [];
  const viewer = root.has('viewer') ? { viewer: readViewer(reader, root, [hub, ...boards]) } : {};
  return { name, hub, boards, revoked, ...viewer };
}

function readViewer(reader: Reader, root: YAMLMap, members: readonly { readonly id: string }[]): Uint8Array {
  if (members.some(({ id }) => id === VIEWER)) {
    reader.fail(
      root.get('viewer', true),
      'viewer',
      `nobody else may be called ${quote(VIEWER)} where there is a viewer`,
    );
  }
  return reader.bytes(root, 'viewer', VIEWER_DIGEST_BYTES);
}

function readHub(reader: Reader, root: YAMLMap): FleetHub {
  const hub = reader.map(root.get('hub', true), 'hub', ['id', 'address', 'port', 'publicKey'], []);
  return {
    id: reader.id(hub, 'id', 'board'),
    address: reader.address(hub),
    port: reader.port(hub),
    publicKey: reader.publicKey(hub),
  };
}

function readBoards(reader: Reader, root: YAMLMap, hubId: string): readonly FleetBoard[] {
  const seen = new Map([[hubId, 'the hub']]);
  const keys = new Map<string, string>();
  return reader.list(root, 'boards').map((item, at) => {
    const where = `boards[${at}]`;
    const board = reader.map(item, where, ['id', 'publicKey'], ['address', 'port']);
    const id = reader.id(board, 'id', 'board');
    const other = seen.get(id);
    if (other !== undefined)
      reader.fail(board.get('id', true), 'id', `id ${quote(id)} of ${where} is taken by ${other}`);
    seen.set(id, where);
    const publicKey = reader.publicKey(board);
    const encoded = Buffer.from(publicKey).toString('base64');
    const owner = keys.get(encoded);
    if (owner !== undefined) {
      reader.fail(board.get('publicKey', true), 'publicKey', `publicKey of ${id} is also that of ${owner}`);
    }
    keys.set(encoded, id);
    return {
      id,
      publicKey,
      ...(board.has('address') ? { address: reader.address(board) } : {}),
      ...(board.has('port') ? { port: reader.port(board) } : {}),
    };
  });
}

function readRevoked(reader: Reader, root: YAMLMap, boards: readonly FleetBoard[]): readonly string[] {
  const known = new Set(boards.map(({ id }) => id));
  return reader.list(root, 'revoked').map((item) => {
    const id = isScalar(item) ? item.value : undefined;
    if (typeof id === 'string' && known.has(id)) return id;
    return reader.fail(item, 'revoked', `revoked ${quote(id)} is not the id of a board`);
  });
}

/** Reads typed values out of YAML nodes, and says where one is wrong. */
class Reader {
  readonly #file: string;
  readonly #lines: LineCounter;

  constructor(file: string, lines: LineCounter) {
    this.#file = file;
    this.#lines = lines;
  }

  fail(node: unknown, key: string, problem: string): never {
    const offset = (node as Node | undefined)?.range?.[0];
    throw new FleetFileError(this.#file, offset === undefined ? 0 : this.#lines.linePos(offset).line, key, problem);
  }

  /** A map with all of `required`, perhaps some of `optional`, and nothing else. */
  map(node: unknown, where: string, required: readonly string[], optional: readonly string[]): YAMLMap {
    const label = where === '' ? 'the file' : where;
    if (!isMap(node)) return this.fail(node, where, `${label} is not a list of "key: value" lines`);
    const known = [...required, ...optional];
    for (const { key } of node.items as Pair<Node>[]) {
      const name = isScalar(key) ? String(key.value) : quote(key);
      if (!known.includes(name)) {
        this.fail(key, name, `unknown key ${quote(name)} in ${label}. Known are ${known.join(', ')}.`);
      }
    }
    for (const name of required) {
      if (!node.has(name)) this.fail(node, name, `${label} has no key ${quote(name)}`);
    }
    return node;
  }

  list(map: YAMLMap, key: string): readonly unknown[] {
    const node = map.get(key, true) as unknown;
    return isSeq(node) ? node.items : this.fail(node, key, `${key} is not a list`);
  }

  scalar(map: YAMLMap, key: string): unknown {
    const node = map.get(key, true) as unknown;
    return isScalar(node) ? node.value : this.fail(node, key, `${key} is not a single value`);
  }

  id(map: YAMLMap, key: string, kind: 'fleet' | 'board'): string {
    const value = this.scalar(map, key);
    if (isId(kind, value)) return value;
    return this.fail(map.get(key, true), key, `${key} ${quote(value)} is not the id of a ${kind} (${idRule(kind)})`);
  }

  address(map: YAMLMap): string {
    const value = this.scalar(map, 'address');
    if (typeof value === 'string' && isAddress(value)) return value;
    return this.fail(
      map.get('address', true),
      'address',
      `address ${quote(value)} is neither an IP address nor a host name`,
    );
  }

  port(map: YAMLMap): number {
    const value = this.scalar(map, 'port');
    if (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= 65_535) return value;
    return this.fail(map.get('port', true), 'port', `port ${quote(value)} is not a number from 1 to 65535`);
  }

  publicKey(map: YAMLMap): Uint8Array {
    return this.bytes(map, 'publicKey', PUBLIC_KEY_BYTES);
  }

  bytes(map: YAMLMap, key: string, length: number): Uint8Array {
    const value = this.scalar(map, key);
    const bytes =
      typeof value === 'string' && /^[A-Za-z0-9+/]+={0,2}$/.test(value) ? Buffer.from(value, 'base64') : null;
    if (bytes?.length === length) return Uint8Array.from(bytes);
    const found = bytes === null ? 'is not base64' : `has ${bytes.length} bytes`;
    return this.fail(map.get(key, true), key, `${key} ${found}; it is base64 of ${length} bytes`);
  }
}

/** Whether `value` is an IP address or a host name. Four numbers and dots that are no IP address are neither. */
export function isAddress(value: string): boolean {
  return isIP(value) !== 0 || (HOST_NAME.test(value) && !/^[0-9.]+$/.test(value));
}
