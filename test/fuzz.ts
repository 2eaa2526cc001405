/** How many damaged inputs a fuzzing test tries: `short`, or what FLOTILLA_FUZZ says (`make test-fuzz`: a million). */
export function fuzzRounds(short: number): number {
  const rounds = Number(process.env.FLOTILLA_FUZZ ?? short);
  if (!Number.isSafeInteger(rounds) || rounds <= 0) throw new Error(`FLOTILLA_FUZZ is '${process.env.FLOTILLA_FUZZ}'`);
  return rounds;
}
