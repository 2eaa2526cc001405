import { readFile, stat } from 'node:fs/promises';
import { parseDocument } from 'yaml';
import { newViewerPassword, viewerDigest } from '../keyring/viewer.ts';
import { replaceFile } from '../replace-file.ts';
import { fleetPaths } from './create.ts';
import { parseFleet, readFleet } from './parse.ts';
import type { Fleet } from './types.ts';

/**
 * Gives a fleet a viewer with a new password, which takes the place of the one before: `NAME.keys/viewer.password` (mode 0600), and
 * its digest in the fleet file, whose comments stay.
 * @throws FleetFileError where the file is none, or a member is called `viewer`
 */
export async function giveViewer(directory: string, name: string): Promise<{ fleet: Fleet; passwordFile: string }> {
  const { file, viewer: passwordFile } = fleetPaths(directory, name);
  await readFleet(file);
  const text = await readFile(file, 'utf8');
  const { mode } = await stat(file);
  const password = newViewerPassword();
  const document = parseDocument(text);
  document.set('viewer', Buffer.from(viewerDigest(password)).toString('base64'));
  const after = String(document);
  const fleet = parseFleet(after, file);
  await replaceFile(passwordFile, `${password}\n`, 0o600);
  await replaceFile(file, after, mode & 0o777);
  return { fleet, passwordFile };
}
