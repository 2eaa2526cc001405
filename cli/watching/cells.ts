/** Numbers as short texts and small pictures. Pure. */

const BLOCKS = '▁▂▃▄▅▆▇█';
const [SECONDS, MINUTES, HOURS] = [60, 60 * 60, 48 * 60 * 60];

/** `41 s`, `12 min`, `3 h`, `5 days`; '–' where it is not known since when. */
export function age(since: number | undefined, now: number): string {
  if (since === undefined || Number.isNaN(since)) return '–';
  const seconds = Math.max(0, Math.round((now - since) / 1000));
  if (seconds < SECONDS) return `${seconds} s`;
  if (seconds < MINUTES) return `${Math.floor(seconds / 60)} min`;
  if (seconds < HOURS) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} days`;
}

/** The time of day, as the clock on the wall shows it: `23:41:07`. */
export function timeOfDay(at: number): string {
  return new Date(at).toTimeString().slice(0, 8);
}

/** What a board did in a step: computing `█`, anything else of its own `▓`, waiting `░`. Shares are of the step, 0 to 1. */
export function busyBar(computing: number, busy: number, width: number): string {
  const full = Math.round(width * clamp(computing));
  const rest = Math.max(full, Math.round(width * clamp(busy)));
  return '█'.repeat(full) + '▓'.repeat(rest - full) + '░'.repeat(width - rest);
}

/** The values as columns of eight heights, from the least to the most; each column the mean of its part of them. */
export function sparkline(values: readonly number[], width: number): string {
  if (values.length === 0) return '';
  const columns = Math.min(width, values.length);
  const means = Array.from({ length: columns }, (_, column) => {
    const first = Math.floor((column * values.length) / columns);
    return mean(values.slice(first, Math.floor(((column + 1) * values.length) / columns)));
  });
  const [least, most] = [Math.min(...means), Math.max(...means)];
  const height = (value: number): number => (most > least ? Math.round((7 * (value - least)) / (most - least)) : 0);
  return means.map((value) => BLOCKS[height(value)]).join('');
}

/** Columns to the left; the last one is not padded. */
export function table(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd(),
  );
}

/** At most so many characters. */
export function shortened(text: string, width: number): string {
  return text.length > width ? `${text.slice(0, Math.max(0, width - 1))}…` : text;
}

/** No number is 0. */
const clamp = (share: number): number => (share > 0 ? Math.min(1, share) : 0);
const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
