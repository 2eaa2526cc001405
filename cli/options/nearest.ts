/** The word of `known` that `given` is most likely a slip of, if any is near enough: for "did you mean". */
export function nearest(given: string, known: readonly string[]): string | undefined {
  const farthest = Math.max(1, Math.floor(given.length / 3));
  let best: { readonly word: string; readonly distance: number } | undefined;
  for (const word of known) {
    // What was typed may also be the beginning of a word.
    const distance = given.length >= 3 && word.startsWith(given) ? 1 : editDistance(given, word);
    if (distance <= farthest && distance < (best?.distance ?? Number.POSITIVE_INFINITY)) best = { word, distance };
  }
  return best?.word;
}

/** Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b` (optimal string alignment). */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const replaced = last[column - 1]! + (a[row - 1] === b[column - 1] ? 0 : 1);
      let least = Math.min(last[column]! + 1, current[column - 1]! + 1, replaced);
      const isSwap = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      if (isSwap) least = Math.min(least, beforeLast[column - 2]! + 1);
      current.push(least);
    }
    beforeLast = last;
    last = current;
  }
  return last[b.length]!;
}
