import type { LinkSender, Transport } from '../../broker/index.ts';
import { type Plan, type Restoring, restoringOf } from '../../planner/index.ts';
import { giveBlocks, type HeldState } from './held-state.ts';
import { openFromHub, type StateIntake } from './state-transfer.ts';

export interface RestoreNeeds {
  readonly transport: Transport;
  readonly hub: string;
  readonly held: HeldState;
  readonly step: number;
  readonly signal: AbortSignal;
}

/** What `prepare` says of where state comes from. */
export interface SourcesCommand {
  readonly sources: readonly (string | null)[];
  readonly stateBytes: readonly number[];
}

/** What a board gets and gives before a plan begins; blocks that have no state are left out. */
export function restoringFor(plan: Plan, { sources, stateBytes }: SourcesCommand, board: string): Restoring {
  const { own, fromHub, gets, givers, gives } = restoringOf(plan, sources, board);
  const withState = (blocks: readonly number[]) => blocks.filter((block) => (stateBytes[block] ?? 0) > 0);
  return {
    own: withState(own),
    fromHub: withState(fromHub),
    gets: withState(gets),
    givers,
    gives: new Map([...gives].map(([to, blocks]) => [to, withState(blocks)])),
  };
}

/** Sends others the blocks that this board holds of the step. @throws StateNotHeldError, and what links throw */
export async function giveHeld(
  { gives }: Restoring,
  senderTo: (board: string) => LinkSender,
  { held, step, signal }: Pick<RestoreNeeds, 'held' | 'step' | 'signal'>,
): Promise<void> {
  await Promise.all([...gives].map(([to, blocks]) => giveBlocks(senderTo(to), held, step, blocks, signal)));
}

/** Has the intake get what this board holds itself, and what only the hub has; what boards give comes over links. */
export async function gatherState(
  plan: Plan,
  { own, fromHub }: Restoring,
  intake: StateIntake,
  take: () => Promise<void>,
  { transport, hub, held, step }: RestoreNeeds,
): Promise<void> {
  // What is held stays as it is, for the next loss.
  for (const block of own) intake.put(block, held.blockOf(step, block).slice());
  const receiver = fromHub.length === 0 ? undefined : await openFromHub(transport, hub, plan, intake);
  try {
    await take();
  } finally {
    await receiver?.close();
  }
}
