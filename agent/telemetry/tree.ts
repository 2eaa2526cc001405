import { join } from 'node:path';
import type { Log } from '../../broker/index.ts';
import type { Files } from './files.ts';

/** Whole numbers that make sense in a file. */
export interface Range {
  readonly least: number;
  readonly most: number;
}

/** The small files of a board, as one source sees them. Nothing here throws. */
export interface Tree {
  /** A file's content without the white space around it; undefined where it is absent, unreadable or empty. */
  text(path: string): string | undefined;
  /** The one whole number that a file holds; undefined also where it is out of range. */
  number(path: string, range: Range): number | undefined;
  /** The names in a directory that match, in the order of their numbers; none where it is absent. */
  names(path: string, pattern: RegExp): readonly string[];
  /** Counts that a file is there and makes no sense, and says so the first time, with its content where it is short. */
  refuse(path: string, problem: string, content?: string): void;
  /** How often this source has met something that it could not read or believe. */
  readonly troubles: number;
}

/** Counts problems by source, and says each once. */
export interface Problems {
  readonly counts: Readonly<Record<string, number>>;
  report(source: string, path: string, problem: string, what: string): void;
}

/** More different problems are only counted: a board whose devices come and go must not fill the log or our memory. */
const mostSaid = 256;

export function createProblems(log: Log): Problems {
  const counts: Record<string, number> = {};
  const said = new Set<string>();
  return {
    counts,
    report(source, path, problem, what) {
      counts[source] = (counts[source] ?? 0) + 1;
      const key = `${path} ${problem}`;
      if (said.has(key) || said.size === mostSaid) return;
      said.add(key);
      log({ level: 'warn', event: 'telemetry-unreadable', detail: { source, path, problem: what } });
    },
  };
}

/** Gone between the question whether it is there and the reading. */
const absentCodes: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR']);
const mostShownCharacters = 40;

export function createTree(root: string, source: string, files: Files, problems: Problems): Tree {
  /** What could be read before: when it goes, that is worth a word. */
  const seen = new Set<string>();

  let troubles = 0;
  const report = (path: string, problem: string, what: string): void => {
    troubles += 1;
    problems.report(source, path, problem, what);
  };

  const attempt = <T>(path: string, read: (path: string) => T | undefined): T | undefined => {
    try {
      const result = read(join(root, path));
      if (result === undefined) noteAbsence(path);
      else seen.add(path);
      return result;
    } catch (error) {
      const code = String((error as { code?: unknown }).code);
      if (absentCodes.has(code)) noteAbsence(path);
      else report(path, code, `cannot be read (${code})`);
      return undefined;
    }
  };

  /** A board simply does not have it, as long as it never had. */
  const noteAbsence = (path: string): void => {
    if (seen.delete(path)) report(path, 'absent', 'has disappeared');
  };

  const refuse = (path: string, problem: string, content?: string): void =>
    report(path, problem, content === undefined ? problem : `${problem}: ${shown(content)}`);

  const text = (path: string): string | undefined => {
    const content = attempt(path, files.read)?.trim();
    if (content !== '') return content;
    refuse(path, 'is empty');
    return undefined;
  };

  return {
    text,
    refuse,
    get troubles() {
      return troubles;
    },
    number(path, { least, most }) {
      const content = text(path);
      if (content === undefined) return undefined;
      const value = /^-?\d+$/.test(content) ? Number(content) : Number.NaN;
      if (value >= least && value <= most) return value;
      refuse(path, `is not a whole number from ${least} to ${most}`, content);
      return undefined;
    },
    names: (path, pattern) => (attempt(path, files.list) ?? []).filter((name) => pattern.test(name)).sort(byNumber),
  };
}

/** Foreign bytes in a log line: short, and printable. */
const shown = (content: string): string => JSON.stringify(content.slice(0, mostShownCharacters));

const collator = new Intl.Collator('en', { numeric: true });
const byNumber = (left: string, right: string): number => collator.compare(left, right);

type Present<T> = { readonly [K in keyof T]?: Exclude<T[K], undefined> };

/** The members that have a value: what is absent is not a member. */
export function present<T extends object>(values: T): Present<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Present<T>;
}

/** The largest of those that are there; undefined of none. */
export function largest(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? undefined : Math.max(...known);
}
