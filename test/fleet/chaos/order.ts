/** These kinds of faults, each once in an order drawn by chance, and then again: `count` in all. */
export function drawn(random: () => number, kinds: readonly string[], count: number): string[] {
  const rounds = Array.from({ length: Math.ceil(count / kinds.length) }, () => shuffled(random, kinds));
  return rounds.flat().slice(0, count);
}

export function shuffled(random: () => number, names: readonly string[]): readonly string[] {
  const withPlaces = names.map((name) => ({ name, at: random() }));
  return withPlaces.sort((a, b) => a.at - b.at).map(({ name }) => name);
}
