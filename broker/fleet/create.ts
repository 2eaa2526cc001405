import { randomBytes } from 'node:crypto';
import { access, mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { FleetExistsError, InvalidIdError } from '../errors.ts';
import { requireId } from '../ids.ts';
import { generateIdentity, type Identity } from '../keyring/identity.ts';
import { saveIdentity } from '../keyring/keyfile.ts';
import { createKeyring, type Keyring } from '../keyring/keyring.ts';
import { isAddress } from './parse.ts';
import { renderFleet } from './render.ts';
import { DEFAULT_HUB, type Fleet } from './types.ts';

export interface CreateFleetOptions {
  readonly name: string;
  /** Ids of the boards. */
  readonly boards: readonly string[];
  readonly hub?: { readonly address?: string; readonly port?: number };
}

/** A fleet with the private keys of all its boards: to be written once, then spread over the boards. */
export interface NewFleet {
  readonly fleet: Fleet;
  /** The text of `NAME.yaml`. */
  readonly yaml: string;
  /** By board id; the hub's too. */
  readonly identities: ReadonlyMap<string, Identity>;
}

/** New keys for a hub and its boards. @throws InvalidIdError for bad or repeated ids, a bad address or port. */
export function createFleet(options: CreateFleetOptions): NewFleet {
  const name = requireId('fleet', options.name);
  const address = options.hub?.address ?? DEFAULT_HUB.address;
  const port = options.hub?.port ?? DEFAULT_HUB.port;
  if (!isAddress(address))
    throw new InvalidIdError('hub address', address, 'it is neither an IP address nor a host name');
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new InvalidIdError('hub port', port, 'it is not a number from 1 to 65535');
  }
  const identities = new Map<string, Identity>();
  for (const id of [DEFAULT_HUB.id, ...options.boards]) {
    if (identities.has(id)) throw new InvalidIdError('board id', id, 'it is taken already');
    identities.set(id, generateIdentity(id));
  }
  const publicKey = (id: string): Uint8Array => (identities.get(id) as Identity).publicKey;
  const fleet: Fleet = {
    name,
    hub: { id: DEFAULT_HUB.id, address, port, publicKey: publicKey(DEFAULT_HUB.id) },
    boards: options.boards.map((id) => ({ id, publicKey: publicKey(id) })),
    revoked: [],
  };
  return { fleet, yaml: renderFleet(fleet), identities };
}

/** Where the files of a fleet lie. */
export function fleetPaths(directory: string, name: string) {
  const keys = join(directory, `${name}.keys`);
  return {
    file: join(directory, `${name}.yaml`),
    keys,
    keyOf: (id: string): string => join(keys, `${id}.key`),
    /** With which somebody may watch who is no member. */
    viewer: join(keys, 'viewer.password'),
    /** The hub's own: which boards are drained. */
    drained: join(directory, `${name}.drained.json`),
  };
}

/**
 * Writes `NAME.keys/<id>.key` (mode 0600) and then `NAME.yaml`: whoever sees the fleet file sees all its keys.
 * Nothing is left behind when a write fails.
 * @returns the path of the fleet file
 * @throws FleetExistsError where one of them is already there.
 */
export async function writeFleet(directory: string, { fleet, yaml, identities }: NewFleet): Promise<string> {
  const paths = fleetPaths(directory, fleet.name);
  for (const path of [paths.file, paths.keys]) {
    if (await exists(path)) throw new FleetExistsError(path);
  }
  await mkdir(directory, { recursive: true });
  const suffix = randomBytes(4).toString('hex');
  const newKeys = `${paths.keys}.${suffix}.tmp`;
  const newFile = `${paths.file}.${suffix}.tmp`;
  let keysMoved = false;
  try {
    await mkdir(newKeys, { mode: 0o700 });
    for (const [id, identity] of identities) await saveIdentity(join(newKeys, `${id}.key`), identity);
    await writeSynced(newFile, yaml);
    await rename(newKeys, paths.keys);
    keysMoved = true;
    await rename(newFile, paths.file);
  } catch (error) {
    await rm(newKeys, { recursive: true, force: true });
    await rm(newFile, { force: true });
    if (keysMoved) await rm(paths.keys, { recursive: true, force: true });
    // Another process made the same fleet between our look and our rename.
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOTEMPTY' || code === 'EEXIST') throw new FleetExistsError(paths.keys);
    throw error;
  }
  return paths.file;
}

async function writeSynced(file: string, text: string): Promise<void> {
  const handle = await open(file, 'wx', 0o644);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** The keyring of a fleet file. */
export function keyringOf(fleet: Fleet): Keyring {
  const { name, hub, boards, revoked } = fleet;
  const keys = [hub, ...boards].map(({ id, publicKey }) => [id, publicKey] as const);
  return createKeyring({ fleet: name, hub: hub.id, keys, revoked });
}
