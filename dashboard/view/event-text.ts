import type { JsonObject } from '../../broker/index.ts';
import { duration } from '../../planner/index.ts';

/** An event's detail in words. */
type Words = (detail: JsonObject) => string;

const seconds = (value: unknown): string => duration(Number(value));
const names = (value: unknown): string => (Array.isArray(value) ? value.join(', ') : '');

/** By what has happened; an event that says it in a text of its own needs no row. [docs/topics.md] */
const table: Readonly<Record<string, Words>> = {
  surveying: ({ boards, what }) =>
    `${names(boards)}: ${what === 'first' ? 'what they are fast at, and their links' : 'the stages of a plan'}`,
  planned: ({ term, boards, predictedStepSeconds: step }) =>
    `plan ${term} on ${names(boards)}${step === undefined ? '' : `, a step is expected to take ${seconds(step)}`}`,
  weighed: ({ stepSeconds, bestStepSeconds, moveSeconds, worthIt }) =>
    `a step takes ${seconds(stepSeconds)}, the best plan ${seconds(bestStepSeconds)}, moving ${seconds(moveSeconds)}: ` +
    (worthIt === true ? 'worth it' : 'not worth it'),
  moving: ({ reason, step }) => `${reason}; after step ${step}`,
  preparing: ({ reason, term }) => `plan ${term}: ${reason}`,
  committing: ({ term, step }) => `to plan ${term} after step ${step}`,
  'left-out': ({ board, reason }) => `${board}: ${reason}`,
  'board-silent': ({ board, seconds: since }) => `${board} gave no sign of life for ${since} s`,
  checkpoint: ({ step, path }) => `of step ${step}: ${path}`,
};

/** One line; what nobody has words for is shown as it came. Empty where the event's name says it all. */
export function eventText(what: string, detail: JsonObject): string {
  const { text, reason } = detail;
  const words = Object.hasOwn(table, what) ? table[what]!(detail) : (text ?? reason ?? JSON.stringify(detail));
  return words === what ? '' : String(words).replaceAll(/\s+/g, ' ');
}
