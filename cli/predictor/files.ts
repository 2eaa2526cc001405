import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type PredictorFile, parsePredictor, parseRecording, type Recording } from '../../planner/index.ts';
import { PathError } from '../errors.ts';

/** The predictor that Flotilla brings along. */
export const BUNDLED_PREDICTOR = join(import.meta.dirname, '..', '..', 'planner', 'predictor', 'default.json');

/** @throws PathError, PredictorTruncatedError, PredictorNewerError, PredictorFileError */
export async function readPredictor(file: string = BUNDLED_PREDICTOR): Promise<PredictorFile> {
  return parsePredictor(await readText(file), file);
}

/** All recordings (`*.json`) in a directory. @throws PathError, PredictorTruncatedError, PredictorFileError */
export async function readRecordings(directory: string): Promise<readonly Recording[]> {
  const names = await readdir(directory).catch((error) => {
    throw new PathError(directory, 'cannot be read', { cause: error });
  });
  const files = names.filter((name) => name.endsWith('.json')).sort();
  return Promise.all(
    files.map(async (name) => {
      const file = join(directory, name);
      return parseRecording(await readText(file), file);
    }),
  );
}

async function readText(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((error) => {
    throw new PathError(file, 'cannot be read', { cause: error });
  });
}
