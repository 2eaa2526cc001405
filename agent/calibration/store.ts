import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type DeviceProfile, type EngineVersion, formatProfile, parseProfile } from '../../planner/index.ts';
import { syncDirectory, writeFileAtomically } from '../checkpoint/files.ts';

/** Where profiles lie when nothing else is said. */
export const DEFAULT_PROFILES = join('.flotilla', 'profiles');

/** One file for each board and version of the engine. */
export function profilePath(directory: string, board: string, { name, version }: EngineVersion): string {
  return join(directory, `${board}-${name}-${version}.json`);
}

/** Writes a profile so that it is there in full or not at all. @returns where */
export async function saveProfile(directory: string, profile: DeviceProfile): Promise<string> {
  await mkdir(directory, { recursive: true });
  const path = profilePath(directory, profile.board, profile.engine);
  await writeFileAtomically(path, [Buffer.from(formatProfile(profile))]);
  await syncDirectory(directory);
  return path;
}

/**
 * The profile of a board, or undefined where it has none for this engine.
 * @throws PredictorTruncatedError, PredictorFileError
 */
export async function loadProfile(
  directory: string,
  board: string,
  engine: EngineVersion,
): Promise<DeviceProfile | undefined> {
  const path = profilePath(directory, board, engine);
  try {
    return parseProfile(await readFile(path, 'utf8'), path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
