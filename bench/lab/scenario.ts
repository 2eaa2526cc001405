/** The shares of a core of the lab's boards, in the order of the pipeline: 1.5 cores together, on two. */
export const quotas = [0.8, 0.4, 0.2, 0.1] as const;

export const boardNames = quotas.map((_, index) => `board${index + 1}`);

/** A scenario file of boards with these quotas, and links where `link` says so. */
export function scenarioText(
  names: readonly string[],
  shares: readonly number[],
  link?: string,
  events: readonly string[] = [],
): string {
  const boards = names.map((name, index) => `  - { name: ${name}, quota: ${shares[index]} }`);
  const happening = events.length === 0 ? [] : ['events:', ...events.map((event) => `  - ${event}`)];
  return [...(link === undefined ? [] : [`link: ${link}`]), 'boards:', ...boards, ...happening, ''].join('\n');
}

/** `0-2,3,4-9` of where the boards' runs end. */
export function splitText(ends: readonly number[]): string {
  return ends.map((end, index) => `${ends[index - 1] ?? 0}-${end - 1}`).join(',');
}
