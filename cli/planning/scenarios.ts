import { readFile } from 'node:fs/promises';
import { parseScenario, type Scenario } from '../../planner/index.ts';
import { PathError } from '../errors.ts';

/** @throws PathError where there is no such file, ScenarioError for what is wrong in it */
export async function readScenario(file: string): Promise<Scenario> {
  const text = await readFile(file, 'utf8').catch((error) => {
    throw new PathError(file, `cannot be read: ${(error as Error).message}`, { cause: error });
  });
  return parseScenario(text, file);
}
