/** What is written down of a run while it goes on: all that another process needs to go on with it. Plain JSON. */
export type RunEntry =
  /** A process takes the run up: the first one, or one that goes on. */
  | {
      readonly kind: 'taken-up';
      readonly run: string;
      /** Of its first plan. */
      readonly term: number;
      /** Boards that it was asked to use. */
      readonly boards: readonly string[];
      /** The checkpoint that it goes on from, and the newest one then, relative to the run's directory; null for none. */
      readonly from: string | null;
      readonly newest: string | null;
      /** Options of `flotilla train` as they were typed, paths absolute; null for flags. */
      readonly typed: Readonly<Record<string, string | null>>;
    }
  /** A plan of this term is about to be sent to boards. */
  | { readonly kind: 'term'; readonly term: number }
  | { readonly kind: 'ended'; readonly how: 'finished' | 'interrupted' | 'failed'; readonly reason: string };

/** What a run's log comes to. What is not said otherwise is of the last process that took it up. */
export interface RunHistory {
  readonly run: string;
  readonly boards: readonly string[];
  readonly from: string | null;
  readonly newest: string | null;
  /** Every option that was typed for it, the latest value of each. */
  readonly typed: ReadonlyMap<string, string | undefined>;
  /** No plan of it had a higher one. */
  readonly highestTerm: number;
  /** How its last process left it; undefined where it was torn out of its work. */
  readonly ended: Extract<RunEntry, { kind: 'ended' }> | undefined;
}

const isText = (value: unknown): value is string => typeof value === 'string';
const isTerm = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 1;

/** Whether the fields beside `kind` are what they have to be. */
const rules: { readonly [Kind in RunEntry['kind']]: (entry: Readonly<Record<string, unknown>>) => boolean } = {
  'taken-up': ({ run, term, boards, from, newest, typed }) =>
    isText(run) &&
    isTerm(term) &&
    [from, newest].every((path) => path === null || isText(path)) &&
    Array.isArray(boards) &&
    boards.every(isText) &&
    typeof typed === 'object' &&
    typed !== null &&
    Object.values(typed).every((value) => value === null || isText(value)),
  term: ({ term }) => isTerm(term),
  ended: ({ how, reason }) => ['finished', 'interrupted', 'failed'].includes(how as string) && isText(reason),
};

/** One line of a log; undefined where it is none. */
export function parseEntry(line: string): RunEntry | undefined {
  try {
    const entry = JSON.parse(line) as Readonly<Record<string, unknown>> | null;
    const rule = rules[entry?.kind as RunEntry['kind']];
    return rule?.(entry!) ? (entry as unknown as RunEntry) : undefined;
  } catch {
    return undefined;
  }
}

/** Undefined for a log without a process that took the run up. */
export function historyOf(entries: readonly RunEntry[]): RunHistory | undefined {
  let history: RunHistory | undefined;
  for (const entry of entries) {
    if (entry.kind === 'taken-up') {
      const { run, boards, term, from, newest } = entry;
      const typed = new Map(history?.typed);
      for (const [name, value] of Object.entries(entry.typed)) typed.set(name, value ?? undefined);
      const highestTerm = Math.max(history?.highestTerm ?? 0, term);
      history = { run, boards, from, newest, typed, highestTerm, ended: undefined };
    } else if (history !== undefined) {
      history =
        entry.kind === 'ended'
          ? { ...history, ended: entry }
          : { ...history, highestTerm: Math.max(history.highestTerm, entry.term) };
    }
  }
  return history;
}

/** A log that comes to the same. */
export function entriesOf({
  run,
  highestTerm: term,
  boards,
  from,
  newest,
  typed,
  ended,
}: RunHistory): readonly RunEntry[] {
  const asTyped = Object.fromEntries([...typed].map(([name, value]) => [name, value ?? null]));
  const takenUp = { kind: 'taken-up', run, term, boards, from, newest, typed: asTyped } as const;
  return ended === undefined ? [takenUp] : [takenUp, ended];
}
