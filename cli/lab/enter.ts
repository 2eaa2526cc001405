import type { Context, Outcome } from '../command.ts';
import { OptionValueError } from '../errors.ts';
import { labAddress } from '../fleets.ts';
import { endWithKeeper, type Inside, insideLab } from './inside.ts';
import { keepLab } from './keeper.ts';
import { readScenario } from './scenario/index.ts';

/** Options that say what the scenario's file says already. */
const CONTRADICTIONS = ['boards', 'fleet', 'threads'] as const;

/**
 * For a command with `--scenario`. Inside the lab: the lab. Outside: makes the lab, runs the whole command in it, and
 * gives that command's outcome. @throws ScenarioError, OptionValueError, and what `keepLab` throws
 */
export async function enterScenario(
  file: string,
  given: ReadonlySet<string>,
  { output, interrupts, commandLine }: Context,
): Promise<{ readonly inside: Inside } | { readonly outcome: Outcome }> {
  const inside = await insideLab();
  if (inside !== undefined) {
    endWithKeeper();
    return { inside };
  }
  const other = CONTRADICTIONS.find((option) => given.has(option));
  if (other !== undefined) {
    throw new OptionValueError('scenario', `is given together with --${other}, which the scenario's file says`);
  }
  const scenario = await readScenario(file);
  const say = (line: string) => output.line(line);
  const exitCode = await keepLab(scenario, { commandLine, interrupts, say, loopbackAddress: labAddress });
  return { outcome: { exitCode } };
}
