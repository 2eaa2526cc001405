import { mkdir, mkdtemp, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { type Files, systemFiles } from '../../../agent/telemetry/files.ts';

/** A board's `/proc` and `/sys` as a listing; see fixtures/README.md. */
export interface BoardListing {
  readonly board: string;
  /** Content by path. */
  readonly files: Readonly<Record<string, string>>;
  /** Targets of symbolic links by path. */
  readonly links: Readonly<Record<string, string>>;
  /** Files whose reading fails, with the code of the error: those of parts that are off. */
  readonly unreadable: Readonly<Record<string, string>>;
  /** What has changed five seconds later. */
  readonly later: Readonly<Record<string, string>>;
}

const fixtures = join(import.meta.dirname, 'fixtures');

export const boardNames = (await readdir(fixtures))
  .filter((name) => name.endsWith('.json'))
  .map((name) => name.slice(0, -'.json'.length));

export async function readBoard(name: string): Promise<BoardListing> {
  return JSON.parse(await readFile(join(fixtures, `${name}.json`), 'utf8'));
}

/** A listing on disk, in a directory of its own. */
export interface BoardTree {
  readonly root: string;
  readonly listing: BoardListing;
  /** The disk with the listing's unreadable files, and those that a test adds. */
  readonly files: Files;
  /** Replaces content; `undefined` removes the file, or the directory and all that is in it. */
  put(path: string, content: string | undefined): Promise<void>;
  /** Lets five seconds pass. */
  advance(): Promise<void>;
  remove(): Promise<void>;
}

/** What reading a file gives instead of what is on disk: other content, or an error with this code. */
export type Fault = { readonly content: string } | { readonly code: string };

export async function writeBoard(listing: BoardListing, faults: ReadonlyMap<string, Fault> = new Map()) {
  const root = await mkdtemp(join(tmpdir(), 'flotilla-board-'));
  const put = async (path: string, content: string | undefined): Promise<void> => {
    const target = join(root, path);
    if (content === undefined) return rm(target, { recursive: true });
    await mkdir(dirname(target), { recursive: true });
    // At once, so that nobody reads a file that is half written.
    await writeFile(`${target}.new`, content);
    await rename(`${target}.new`, target);
  };
  for (const [path, content] of Object.entries(listing.files)) await put(path, content);
  for (const [path, target] of Object.entries(listing.links)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await symlink(target, join(root, path));
  }
  const unreadable = Object.entries(listing.unreadable).map(([path, code]) => [path, { code }] as const);
  return {
    root,
    listing,
    files: withFaults(root, new Map<string, Fault>([...unreadable, ...faults])),
    put,
    async advance() {
      for (const [path, content] of Object.entries(listing.later)) await put(path, content);
    },
    remove: () => rm(root, { recursive: true, force: true }),
  } satisfies BoardTree;
}

export const openBoard = async (name: string, faults?: ReadonlyMap<string, Fault>): Promise<BoardTree> =>
  writeBoard(await readBoard(name), faults);

/** A board that has only these files. */
export const smallBoard = (files: Readonly<Record<string, string>>): Promise<BoardTree> =>
  writeBoard({ board: 'small', files, links: {}, unreadable: {}, later: {} });

function withFaults(root: string, faults: ReadonlyMap<string, Fault>): Files {
  return {
    list: systemFiles.list,
    read(path) {
      const fault = faults.get(relative(root, path));
      if (fault === undefined) return systemFiles.read(path);
      if ('content' in fault) return fault.content;
      throw Object.assign(new Error(`${fault.code}: ${path}`), { code: fault.code });
    },
  };
}
