import type { Messenger } from '../../broker/index.ts';
import { type FleetState, stepsDone } from './state.ts';

const LONGEST_REASON = 500;

/** Publishes the retained state of the run whenever its phase, its term or what it waits for has changed. */
export function stateTeller(
  messenger: Messenger,
  run: string,
  tell: (work: Promise<unknown>) => void,
  signal: AbortSignal,
): (state: FleetState) => void {
  let told = '';
  return ({ run: current }) => {
    if (current === undefined) return;
    const { phase, paused, request } = current;
    const reason = paused === undefined ? {} : { reason: paused.slice(0, LONGEST_REASON) };
    const message = { kind: 'state', run, term: request.term, phase: paused === undefined ? phase : 'paused' } as const;
    const next = JSON.stringify([message, reason]);
    if (next === told) return;
    told = next;
    tell(messenger.publish('runState', { run }, { ...message, step: stepsDone(current), ...reason }, signal));
  };
}
