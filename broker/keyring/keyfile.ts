import { readFile, stat } from 'node:fs/promises';
import { KeyFileError } from '../errors.ts';
import { replaceFile } from '../replace-file.ts';
import { type Identity, identityFromSeed } from './identity.ts';
import { SEED_BYTES } from './signature.ts';

/** Only the owner may read a private key. */
const KEY_FILE_MODE = 0o600;

// One line: the format's name and version, whose key it is, and the seed in base64.
const FORM = /^flotilla-key-1 ([a-z0-9-]{1,32}) ([A-Za-z0-9+/]{43}=)\n?$/;

/** Writes the private key of `identity` with mode 0600, atomically. An existing file is replaced. */
export async function saveIdentity(file: string, identity: Identity): Promise<void> {
  const seed = Buffer.from(identity.exportSeed()).toString('base64');
  await replaceFile(file, `flotilla-key-1 ${identity.id} ${seed}\n`, KEY_FILE_MODE);
}

/**
 * Reads a private key file.
 * @throws KeyFileError where it is missing, readable by others, of another format, or of another board than `id`.
 */
export async function loadIdentity(file: string, id?: string): Promise<Identity> {
  const match = FORM.exec(await readKeyFile(file));
  const [, owner, encoded] = match ?? [];
  if (owner === undefined || encoded === undefined) {
    throw new KeyFileError(file, 'is not a Flotilla key file. `flotilla fleet init` writes them.');
  }
  if (id !== undefined && owner !== id) {
    throw new KeyFileError(file, `holds the key of ${owner}, not of ${id}. Give each board its own file.`);
  }
  const seed = Buffer.from(encoded, 'base64');
  if (seed.length !== SEED_BYTES) throw new KeyFileError(file, `holds ${seed.length} bytes of key, not ${SEED_BYTES}.`);
  return identityFromSeed(owner, seed);
}

async function readKeyFile(file: string): Promise<string> {
  try {
    const { mode } = await stat(file);
    // Group and others must have no right to it (Windows reports no such rights).
    if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
      throw new KeyFileError(file, `is open to others (mode ${(mode & 0o777).toString(8)}). Run: chmod 600 ${file}`);
    }
    return await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof KeyFileError) throw error;
    throw new KeyFileError(file, `cannot be read: ${(error as Error).message}.`, { cause: error });
  }
}
