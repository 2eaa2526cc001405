import { InvalidIdError } from './errors.ts';

/** Bytes that a frame reserves for a fleet's, board's or run's id. */
export const MAX_ID_BYTES = { fleet: 32, board: 32, run: 48, tensor: 80 } as const;

const kebab = (longest: number): RegExp => new RegExp(`^[a-z0-9](?:[a-z0-9-]{0,${longest - 2}}[a-z0-9])?$`);

const rules = {
  fleet: { form: kebab(MAX_ID_BYTES.fleet), rule: 'lower-case letters, digits and inner dashes, at most 32' },
  board: { form: kebab(MAX_ID_BYTES.board), rule: 'lower-case letters, digits and inner dashes, at most 32' },
  run: { form: kebab(MAX_ID_BYTES.run), rule: 'lower-case letters, digits and inner dashes, at most 48' },
  tensor: {
    form: /^[A-Za-z0-9._:/-]{0,80}$/,
    rule: 'letters, digits and . _ : / -, at most 80 (empty where the slot says enough)',
  },
} as const;

export type IdKind = keyof typeof rules;

/** Whether `value` may be the id of a fleet, board or run, or the name of a tensor. */
export function isId(kind: IdKind, value: unknown): value is string {
  return typeof value === 'string' && rules[kind].form.test(value);
}

/** The rule an id has to follow, for error messages. */
export function idRule(kind: IdKind): string {
  return rules[kind].rule;
}

/** Returns `value`, or throws `InvalidIdError`. */
export function requireId(kind: IdKind, value: unknown): string {
  if (!isId(kind, value)) throw new InvalidIdError(`${kind} id`, value, rules[kind].rule);
  return value;
}
