import { randomBytes } from 'node:crypto';
import type { Context } from '../command.ts';
import { numberedBoards } from '../fleet-options.ts';
import { openFleet, runsDirectory } from '../fleets.ts';
import { type Inside, lateBoards } from '../lab/index.ts';
import type { RunHistory } from '../runs/index.ts';
import type { EarlierRun } from './earlier.ts';
import { type TrainInput, wishesFrom } from './options.ts';
import { checkResumed, findResumed, type Resumed, wishesOfResumed } from './resume.ts';
import { type CheckedRun, checkRun } from './settings.ts';
import { splitEnds } from './split.ts';

/** A run that nothing is wrong with, as far as it can be told before it begins. */
export interface RunContext {
  readonly input: TrainInput;
  readonly checked: CheckedRun;
  readonly run: string;
  readonly directory: string;
  readonly ids: readonly string[];
  /** Of these, those that are not there at the beginning. */
  readonly late: readonly string[];
  readonly resumed: Resumed | undefined;
  /** What the log says of a run that is gone on with. */
  readonly history: RunHistory | undefined;
  /** The lab of a scenario, where this process runs inside one. */
  readonly inside: Inside | undefined;
  /** Where each board's blocks end; the planner chooses when undefined. */
  readonly ends: readonly number[] | undefined;
}

/** Everything that can be refused is refused here, before anything is started or written. */
export async function checkInput(
  input: TrainInput,
  earlier: EarlierRun | undefined,
  inside: Inside | undefined,
  { interrupts }: Context,
): Promise<RunContext> {
  const { gentle } = interrupts;
  const resumed = await findResumed(input, earlier, gentle);
  const wishes = resumed === undefined ? wishesFrom(input) : wishesOfResumed(input, resumed);
  const ids = await boardsOf(input, inside);
  const { split, cuts } = input.options;
  const checked = await checkRun(wishes, { boards: ids.length, cuts }, gentle);
  const ends = split === undefined ? undefined : splitEnds(split, ids, checked.blocks);
  const history = earlier?.history;
  const mayBeDone = history !== undefined && history.ended?.how !== 'finished';
  if (resumed !== undefined) checkResumed(checked, input, resumed, mayBeDone);
  const run = resumed?.checkpoint.state.run ?? history?.run ?? newRunName(checked.model.name);
  const directory = input.options.out ?? resumed?.directory ?? earlier?.directory ?? runsDirectory(run);
  const late = inside === undefined ? [] : lateBoards(inside.description);
  return { input, checked, run, directory, ids, late, resumed, history, inside, ends };
}

/** Above that of every plan that boards have seen of this run. */
export function firstTerm({ resumed, history }: RunContext): number {
  const saved = Number(resumed?.checkpoint.state.options.term ?? 0);
  return Math.max(saved, history?.highestTerm ?? 0) + 1;
}

async function boardsOf(
  { options: { boards, fleet, fleets } }: TrainInput,
  inside: Inside | undefined,
): Promise<readonly string[]> {
  if (inside !== undefined) return inside.description.boards.map(({ id }) => id);
  if (fleet === undefined) return boards ?? numberedBoards(2);
  const known = (await openFleet(fleets, fleet, 'hub')).fleet.boards.map(({ id }) => id);
  return boards ?? known;
}

function newRunName(model: string): string {
  return `${model}-${randomBytes(3).toString('hex')}`;
}
