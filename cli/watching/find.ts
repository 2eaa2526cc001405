import { readdir } from 'node:fs/promises';
import { connect } from 'node:net';
import { type Fleet, fleetPaths, readFleet } from '../../broker/index.ts';
import { FleetChoiceError } from '../errors.ts';
import { runningScenarios } from '../lab/index.ts';
import { PASSING_FLEET, passingLabs } from '../processes/lab.ts';

/** Where a fleet's file and keys lie. */
export interface FleetPlace {
  readonly fleets: string;
  readonly name: string;
  /** The network namespace that its hub lives in, where it is not ours. */
  readonly namespace?: string | undefined;
}

const ANSWER_MILLISECONDS = 1_000;

/**
 * The fleet that is meant where nobody named one: the only one, of those in `directory` and of the labs that run on this
 * machine, whose hub can be reached. @throws FleetChoiceError where it is none or several
 */
export async function findFleet(directory: string, labs = labsHere): Promise<FleetPlace> {
  const known = [...(await fleetsIn(directory)), ...(await labs())];
  const reached = await Promise.all(known.map(async (place) => ((await isReached(place)) ? [place] : [])));
  const [first, ...more] = reached.flat();
  if (first === undefined || more.length > 0) throw new FleetChoiceError(directory, known, reached.flat());
  return first;
}

async function fleetsIn(directory: string): Promise<readonly FleetPlace[]> {
  const names = await readdir(directory).catch(() => []);
  return names.flatMap((name) => (name.endsWith('.yaml') ? [{ fleets: directory, name: name.slice(0, -5) }] : []));
}

async function labsHere(): Promise<readonly FleetPlace[]> {
  const scenarios = (await runningScenarios()).map(({ path, hubNamespace }) => {
    return { fleets: path, name: PASSING_FLEET, namespace: hubNamespace };
  });
  return [...(await passingLabs()), ...scenarios];
}

/** Whether somebody listens where the fleet's hub should be; of a hub in another network it is taken to be so. */
async function isReached({ fleets, name, namespace }: FleetPlace): Promise<boolean> {
  const fleet = await readFleet(fleetPaths(fleets, name).file).catch(() => undefined);
  return fleet !== undefined && (namespace !== undefined || (await answers(fleet.hub)));
}

function answers({ address, port }: Fleet['hub']): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port, timeout: ANSWER_MILLISECONDS });
    const settle = (answered: boolean): void => {
      socket.destroy();
      resolve(answered);
    };
    socket.once('connect', () => settle(true));
    socket.once('error', () => settle(false));
    socket.once('timeout', () => settle(false));
  });
}
