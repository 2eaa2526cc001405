import type { Context, Outcome } from '../command.ts';
import { DEFAULT_FLEETS } from '../fleets.ts';
import { insideLab, insideOf, runningScenarios, startAgain } from '../lab/index.ts';
import { text, withDefault } from '../options/index.ts';
import { type FleetPlace, findFleet } from './find.ts';

/** Where the fleet is that is looked at. */
export const watchOptions = {
  fleet: text('NAME', 'the fleet; when not given, the only one whose hub can be reached, or the lab that runs here'),
  hub: text('URL', "the hub's broker, mqtt://HOST:PORT; as the fleet file says when not given"),
  fleets: withDefault(text('DIR', 'the directory of fleet files and keys'), DEFAULT_FLEETS),
} as const;

interface Where {
  readonly fleet: string | undefined;
  readonly fleets: string;
}

/**
 * The fleet to look at. Where its hub lives in a network of its own, the whole command is run again in there.
 * @throws FleetChoiceError
 */
export async function enterFleet(
  where: Where,
  { commandLine, interrupts }: Context,
): Promise<{ readonly place: FleetPlace } | { readonly outcome: Outcome }> {
  const place = await placeOf(where);
  if (place.namespace === undefined || (await insideLab()) !== undefined) return { place };
  const { fleets, name, namespace } = place;
  const again = startAgain([...withoutPlace(commandLine), '--fleets', fleets, '--fleet', name], {
    namespace,
    env: insideOf(fleets),
    interrupts,
  });
  try {
    return { outcome: { exitCode: await again.ended } };
  } finally {
    again.letGo();
  }
}

async function placeOf({ fleet, fleets }: Where): Promise<FleetPlace> {
  if (fleet === undefined) return findFleet(fleets);
  const lab = (await runningScenarios()).find(({ path }) => path === fleets);
  return { fleets, name: fleet, namespace: lab?.hubNamespace };
}

function withoutPlace(commandLine: readonly string[]): readonly string[] {
  const isPlace = (word = ''): boolean => word === '--fleets' || word === '--fleet';
  return commandLine.filter((word, at) => !isPlace(word) && !isPlace(commandLine[at - 1]) && !/^--fleets?=/.test(word));
}
