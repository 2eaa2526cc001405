import { readFile } from 'node:fs/promises';
import { isId, type Log, type Messenger } from '../../broker/index.ts';
import { DrainedFileError } from '../errors.ts';
import { writeWhole } from '../train/files.ts';

/**
 * The hub's memory of drained boards. Its broker forgets what it has retained when it ends; a board that is drained, and
 * perhaps switched off, must still be without work after that.
 */

const VERSION = 1;
const LONGEST_REASON = 500;

/** The reason of each drained board, by its id. */
type Drained = ReadonlyMap<string, string>;

/**
 * Says again what the file says, and writes every change of it down.
 * @returns what resolves when the latest change is written
 * @throws DrainedFileError where the file is none of ours
 */
export async function keepDrained(messenger: Messenger, file: string, log: Log): Promise<() => Promise<void>> {
  let drained = await readDrained(file);
  let writing: Promise<void> = Promise.resolve();
  const write = (): void => {
    const text = formatDrained(drained);
    writing = writing
      .then(() => writeWhole(file, text))
      .catch((error: Error) => {
        log({ level: 'warn', event: 'drained-not-saved', detail: { file, problem: error.message } });
      });
  };
  for (const [id, reason] of drained) {
    await messenger.publish('deviceService', { id }, { kind: 'drained', board: id, reason });
  }
  await messenger.subscribe('deviceService', { id: '+' }, ({ topic, message }) => {
    const id = topic.params.id!;
    const reason = message.kind === 'drained' ? message.reason : undefined;
    if (drained.get(id) === reason) return;
    const next = new Map(drained);
    if (reason === undefined) next.delete(id);
    else next.set(id, reason);
    drained = next;
    write();
  });
  return () => writing;
}

export async function readDrained(file: string): Promise<Drained> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw new DrainedFileError(file, error.message);
  });
  return text === undefined ? new Map() : parseDrained(text, file);
}

function formatDrained(drained: Drained): string {
  return `${JSON.stringify({ version: VERSION, drained: Object.fromEntries(drained) }, null, 2)}\n`;
}

/** @throws DrainedFileError naming what is wrong */
export function parseDrained(text: string, file: string): Drained {
  const { version, drained } = parseObject(text, file);
  if (version !== VERSION) throw new DrainedFileError(file, `version ${JSON.stringify(version)} is not ${VERSION}`);
  if (typeof drained !== 'object' || drained === null) throw new DrainedFileError(file, "it has no object 'drained'");
  const entries = Object.entries(drained as Record<string, unknown>);
  for (const [id, reason] of entries) {
    if (!isId('board', id)) throw new DrainedFileError(file, `'${id}' is no id of a board`);
    if (typeof reason !== 'string' || reason.length > LONGEST_REASON) {
      throw new DrainedFileError(file, `the reason of '${id}' is no text of at most ${LONGEST_REASON} characters`);
    }
  }
  return new Map(entries as [string, string][]);
}

function parseObject(text: string, file: string): { readonly version?: unknown; readonly drained?: unknown } {
  try {
    return (JSON.parse(text) as object | null) ?? {};
  } catch (error) {
    throw new DrainedFileError(file, `it is not JSON (${(error as Error).message})`);
  }
}
