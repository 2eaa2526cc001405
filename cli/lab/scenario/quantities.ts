/**
 * Numbers with their unit, as a scenario writes them: `100 Mbit/s`, `2 ms`, `1 %`, `512 MB`. A number without a unit is
 * refused, since nobody could tell what it means.
 */
export interface Quantity {
  /** By the unit's name, what one of it is worth. */
  readonly units: Readonly<Record<string, number>>;
  readonly least: number;
  readonly most: number;
  readonly example: string;
  /** The bounds in words, for messages. */
  readonly range: string;
}

/** In bytes a second. */
export const rate: Quantity = {
  units: { 'kbit/s': 125, 'Mbit/s': 125_000, 'Gbit/s': 125_000_000 },
  least: 8_000,
  most: 12.5e9,
  example: '100 Mbit/s',
  range: 'from 64 kbit/s to 100 Gbit/s',
};

/** In seconds. */
export const delay: Quantity = {
  units: { us: 1e-6, ms: 1e-3, s: 1 },
  least: 0,
  most: 5,
  example: '2 ms',
  range: 'from 0 ms to 5 s',
};

/** As a number from 0 to 1. */
export const chance: Quantity = {
  units: { '%': 0.01 },
  least: 0,
  most: 0.5,
  example: '1 %',
  range: 'from 0 % to 50 %',
};

/** In bytes. */
export const memory: Quantity = {
  units: { MB: 1e6, GB: 1e9 },
  least: 64e6,
  most: 1e12,
  example: '512 MB',
  range: 'from 64 MB to 1000 GB',
};

/** The value in the quantity's base unit, or what is wrong with the text: the end of a sentence. */
export function readQuantity({ units, least, most, example, range }: Quantity, text: unknown): number | string {
  const [, digits = '', unit = ''] = /^\s*([+-]?[\d.]+)\s*(\S*)\s*$/.exec(String(text)) ?? [];
  const amount = /^[+-]?(\d+\.?\d*|\.\d+)$/.test(digits) ? Number(digits) : Number.NaN;
  const worth = Object.hasOwn(units, unit) ? units[unit]! : undefined;
  if (Number.isNaN(amount) || worth === undefined) {
    return `is not a number with one of the units ${Object.keys(units).join(', ')}, such as ${example}`;
  }
  const value = amount * worth;
  return value >= least && value <= most ? value : `is out of range: it goes ${range}`;
}
