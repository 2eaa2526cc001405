import { randomBytes } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import {
  connectClient,
  DeadlineError,
  type Fleet,
  fleetPaths,
  type Identity,
  keyringOf,
  type Log,
  loadIdentity,
  readFleet,
  watchingPurpose,
} from '../../broker/index.ts';
import { HubSilentError, NoKeyError } from '../errors.ts';
import { hubUrl } from '../fleets.ts';
import type { FleetPlace } from './find.ts';

const CONNECT_MILLISECONDS = 5_000;

/**
 * Connects to the hub's broker as somebody who only watches: with any key of the fleet that lies here, but without the
 * right to publish. @throws FleetFileError, NoKeyError, HubSilentError, ConnectionRefusedError
 */
export async function connectWatcher(place: FleetPlace, hub: string | undefined, log: Log, signal: AbortSignal) {
  const fleet = await readFleet(fleetPaths(place.fleets, place.name).file);
  const identity = await anyIdentity(place, fleet);
  const url = hub ?? hubUrl(fleet);
  try {
    const client = await connectClient({
      url,
      identity,
      keyring: keyringOf(fleet),
      purpose: watchingPurpose(randomBytes(4).toString('hex')),
      timeoutMilliseconds: CONNECT_MILLISECONDS,
      log,
      signal,
    });
    return { fleet, url, client };
  } catch (error) {
    if (error instanceof DeadlineError) throw new HubSilentError(fleet.name, url, CONNECT_MILLISECONDS / 1000, error);
    throw error;
  }
}

/** The hub's key where it is here, else that of a board. */
async function anyIdentity({ fleets, name }: FleetPlace, fleet: Fleet): Promise<Identity> {
  const { keys, keyOf } = fleetPaths(fleets, name);
  const files = await readdir(keys).catch(() => [] as string[]);
  const members = [fleet.hub.id, ...fleet.boards.map(({ id }) => id)].filter((id) => !fleet.revoked.includes(id));
  const member = members.find((id) => files.includes(`${id}.key`));
  if (member === undefined) throw new NoKeyError(fleet.name, keys);
  return loadIdentity(keyOf(member), member);
}
