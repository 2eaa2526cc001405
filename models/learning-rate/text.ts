import { ScheduleError } from './errors.ts';
import type { LearningRateSchedule } from './schedule.ts';

type Kind = LearningRateSchedule['kind'];
type ScheduleOf<K extends Kind> = Extract<LearningRateSchedule, { kind: K }>;

/** Reads the options of one schedule, each once; what is left over in the end is not known. */
interface Options {
  /** A number of steps from `least` up; `3epochs` counts epochs. */
  steps(name: string, least: number, fallback?: number): number;
  /** A number for which `allowed` holds; `says` describes those. */
  number(name: string, allowed: (value: number) => boolean, says: string, fallback?: number): number;
}

/** The options of every schedule, and its text in steps. */
const kinds: {
  readonly [K in Kind]: {
    readonly read: (rate: number, options: Options) => ScheduleOf<K>;
    readonly write: (schedule: ScheduleOf<K>) => string;
  };
} = {
  constant: {
    read: (rate) => ({ kind: 'constant', rate }),
    write: ({ rate }) => `constant:${rate}`,
  },
  step: {
    read: (rate, options) => ({
      kind: 'step',
      rate,
      every: options.steps('every', 1),
      factor: options.number('factor', (value) => value > 0 && value <= 1, 'above 0 and at most 1', 0.1),
    }),
    write: ({ rate, every, factor }) => `step:${rate},every=${every},factor=${factor}`,
  },
  cosine: {
    read: (rate, options) => ({
      kind: 'cosine',
      rate,
      warmup: options.steps('warmup', 0, 0),
      floor: options.number('floor', (value) => value >= 0 && value <= rate, `from 0 to the rate, ${rate}`, 0),
    }),
    write: ({ rate, warmup, floor }) => `cosine:${rate},warmup=${warmup},floor=${floor}`,
  },
};

export const scheduleKinds = Object.keys(kinds) as readonly Kind[];

/**
 * A schedule from the text of a command line: `KIND:RATE[,OPTION=VALUE…]`, or a rate alone for `constant`.
 * Lengths are steps (`every=300`) or epochs (`every=30epochs`, turned into steps here).
 * @throws ScheduleError (exit code 2) for text that is no schedule, with what is wrong and examples
 */
export function parseSchedule(
  text: string,
  { stepsPerEpoch }: { readonly stepsPerEpoch: number },
): LearningRateSchedule {
  const fail = (problem: string) => new ScheduleError(text, problem);
  const colon = text.indexOf(':');
  const kind = colon < 0 ? 'constant' : text.slice(0, colon).trim();
  if (!isKind(kind)) throw fail(`'${kind}' is none of the schedules ${scheduleKinds.join(', ')}`);
  const [rateText, ...parts] = text.slice(colon + 1).split(',');
  const rate = readNumber(rateText!);
  if (!(rate > 0)) throw fail(`the rate is '${rateText}': give a number above 0`);
  const given = readParts(parts, fail);
  const schedule = kinds[kind].read(rate, optionsOf(given, stepsPerEpoch, fail));
  const [unknown] = given.keys();
  if (unknown !== undefined) throw fail(`${kind} takes no option '${unknown}'`);
  return schedule;
}

/** The text that `parseSchedule` reads as this schedule, with every option and lengths in steps. */
export function formatSchedule(schedule: LearningRateSchedule): string {
  // The table is total, so a schedule meets the writer of its own kind; TypeScript cannot see the correlation.
  return kinds[schedule.kind].write(schedule as never);
}

const isKind = (kind: string): kind is Kind => Object.hasOwn(kinds, kind);

/** A finite decimal number and nothing else (`Number` would read '' as 0 and take hexadecimal digits); NaN otherwise. */
function readNumber(text: string): number {
  const isDecimal = /^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*$/i.test(text);
  return isDecimal && Number.isFinite(Number(text)) ? Number(text) : Number.NaN;
}

function readParts(parts: readonly string[], fail: (problem: string) => Error): Map<string, string> {
  const given = new Map<string, string>();
  for (const part of parts) {
    const [name, value, ...more] = part.split('=').map((piece) => piece.trim());
    if (!name || !value || more.length > 0) throw fail(`'${part}' is not of the form option=value`);
    if (given.has(name)) throw fail(`option '${name}' is given twice`);
    given.set(name, value);
  }
  return given;
}

function optionsOf(given: Map<string, string>, stepsPerEpoch: number, fail: (problem: string) => Error): Options {
  const take = (name: string): string | undefined => {
    const value = given.get(name);
    given.delete(name);
    return value;
  };
  const orFallback = (name: string, fallback: number | undefined): number => {
    if (fallback === undefined) throw fail(`option '${name}' is missing`);
    return fallback;
  };
  return {
    steps(name, least, fallback) {
      const text = take(name);
      if (text === undefined) return orFallback(name, fallback);
      const [, count, unit] = /^(\d+)\s*(|steps?|epochs?)$/.exec(text) ?? [];
      const steps = Number(count) * (unit?.startsWith('epoch') ? stepsPerEpoch : 1);
      if (count === undefined || steps < least || !Number.isSafeInteger(steps)) {
        throw fail(`${name} is '${text}': give whole steps from ${least} up, such as 100, or epochs, such as 5epochs`);
      }
      return steps;
    },
    number(name, allowed, says, fallback) {
      const text = take(name);
      if (text === undefined) return orFallback(name, fallback);
      const value = readNumber(text);
      if (!allowed(value)) throw fail(`${name} is '${text}': give a number ${says}`);
      return value;
    },
  };
}
