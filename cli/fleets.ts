import { join } from 'node:path';
import { type Fleet, fleetPaths, type Identity, keyringOf, loadIdentity, readFleet } from '../broker/index.ts';

/** Where fleet files lie when nothing else is said. */
export const DEFAULT_FLEETS = 'fleets';

/** A fleet as one of its members sees it: the file, the public keys, and the member's own private key. */
export async function openFleet(directory: string, name: string, member: string) {
  const paths = fleetPaths(directory, name);
  const fleet: Fleet = await readFleet(paths.file);
  const identity: Identity = await loadIdentity(paths.keyOf(member));
  return { fleet, keyring: keyringOf(fleet), identity, paths };
}

export function hubUrl({ hub }: Fleet): string {
  return `mqtt://${hub.address}:${hub.port}`;
}

/** The loopback address of the nth board of a lab: 127.0.0.2, .3, … */
export function labAddress(index: number): string {
  return `127.0.${Math.floor((index + 2) / 250)}.${(index + 2) % 250}`;
}

/** Where runs go when nothing else is said. */
export const RUNS = 'runs';

export function runsDirectory(run: string): string {
  return join(RUNS, run);
}
