import { noCaptures } from '../flotilla.ts';
import { labRun } from '../lab/lab-run.ts';
import { scenarioText } from '../lab/scenario.ts';
import { oracleRate, statesWithout } from './oracle.ts';
import { keptRates, measureRate, type Setting } from './rates.ts';
import { eventsOf, type Stay, staysOf, wander } from './wander.ts';

const FIRST = [0.6, 0.4, 0.2] as const;
/** The run is given as many steps as the oracle would do in this part of the minutes. */
const EXPECTED_SHARE = 0.85;
/** Quotas go on wandering where the run takes longer than was expected. */
const LONGEST = 2;

export interface WandersWish extends Setting {
  readonly minutes: number;
  readonly seed: number;
  /** Where rates of plans for quotas that stay are kept. */
  readonly oracle: string;
}

/** A run whose boards' quotas wander, against an oracle that knows them. */
export async function wanders({ minutes, seed, oracle, ...setting }: WandersWish) {
  const { link, ...sizes } = setting;
  const quotas = wander(FIRST, LONGEST * 60 * minutes, seed);
  const rateOver = async (stays: readonly Stay[]): Promise<number> => {
    const rates = await keptRates(oracle, setting);
    for (const state of statesWithout(stays, rates)) await measureRate(oracle, setting, state);
    return oracleRate(stays, await keptRates(oracle, setting));
  };
  const expected = await rateOver(staysOf(quotas, 60 * minutes));
  const steps = Math.ceil((EXPECTED_SHARE * expected * 60 * minutes) / sizes.batch);
  const names = FIRST.map((_, index) => `board${index + 1}`);
  const scenario = scenarioText(names, FIRST, link, eventsOf(quotas, names));
  const patienceSeconds = LONGEST * 60 * minutes + 300;
  const record = await labRun({ ...sizes, scenario, steps, words: noCaptures, patienceSeconds });
  // Both clocks begin with the end of the first step.
  const seconds = record.stepSeconds.reduce((sum, each) => sum + each, 0);
  const samplesPerSecond = (sizes.batch * record.stepSeconds.length) / seconds;
  const moves = record.recoveries.length;
  console.error(`wanders: ${JSON.stringify({ seconds, samplesPerSecond, moves })}`);
  const oracleSamplesPerSecond = await rateOver(staysOf(quotas, seconds));
  return {
    case: 'wanders',
    seconds,
    samplesPerSecond,
    oracleSamplesPerSecond,
    share: samplesPerSecond / oracleSamplesPerSecond,
    changesOfQuotas: quotas.changes.filter(({ at }) => at < seconds).length,
    moves,
    movesPerHour: (3600 * moves) / seconds,
    seed,
  };
}
