import type { Messenger, ReceivedMessage } from '../../broker/index.ts';
import { apply } from './apply.ts';
import { type Clock, systemClock } from './clock.ts';
import { decide, nextDeadline } from './decide.ts';
import { defineRun } from './define-run.ts';
import type { Event } from './events.ts';
import { errorOf } from './failure.ts';
import { createHands, type Hands } from './hands.ts';
import { createMailbox, type Mailbox } from './mailbox.ts';
import { type FleetState, initialState, type RunState, stepsDone } from './state.ts';
import { totalsOf } from './totals.ts';
import type { RunNeeds, RunResult, RunSettings } from './types.ts';

/**
 * Trains a model on boards of the fleet: chooses them, shares out the blocks, grants steps, saves checkpoints, and
 * ends with the final state. Every wait has a deadline; whatever ends the run, the boards are told to stop.
 * @throws what `defineRun` throws for bad settings (before anything is sent); NotEnoughBoardsError, MemoryError,
 * PrepareDeadlineError, RunSilentError, BoardLostError, RunFailedError, LossNotFiniteError; what the checkpoint store
 * or the broker throws; the signal's reason, at once
 */
export async function runTraining(needs: RunNeeds, settings: RunSettings, signal?: AbortSignal): Promise<RunResult> {
  signal?.throwIfAborted();
  const request = defineRun(settings);
  const { clock = systemClock, interrupt } = needs;
  const mailbox = createMailbox(clock);
  const hands = createHands({ needs, request, restore: settings.restore, mailbox });
  const closing = new AbortController();
  const either = signal === undefined ? closing.signal : AbortSignal.any([signal, closing.signal]);
  const onInterrupt = (): void => mailbox.post({ kind: 'stop-requested' });
  const subscriptions: (() => void)[] = [];
  let state: FleetState = initialState;
  const commit = (event: Event): void => {
    state = apply(state, event);
    needs.onEvent?.(event);
  };

  try {
    mailbox.post({ kind: 'start-requested', request });
    interrupt?.addEventListener('abort', onInterrupt, { once: true });
    if (interrupt?.aborted) onInterrupt();
    await listen(needs.messenger, mailbox, subscriptions, either);
    while (state.run?.phase !== 'over') {
      const actions = decide(state, clock.now());
      for (const action of actions) {
        commit({ kind: 'decided', at: clock.now(), action });
        hands.act(action, state);
      }
      if (actions.length > 0) continue;
      for (const event of await mailbox.take(nextDeadline(state), either)) commit(event);
    }
    return await conclude(state.run, hands, clock);
  } finally {
    const { run } = state as FleetState;
    interrupt?.removeEventListener('abort', onInterrupt);
    if (run !== undefined && run.phase !== 'over')
      await within(hands.abandon(run, 'aborted'), request.deadlines.stop, clock);
    for (const end of subscriptions) end();
    closing.abort();
    await within(hands.close(), request.deadlines.stop, clock);
  }
}

/** Everything that boards say goes into the mailbox. The ends of subscriptions are added to `open` as they stand. */
async function listen(
  messenger: Messenger,
  mailbox: Mailbox,
  open: (() => void)[],
  signal: AbortSignal,
): Promise<void> {
  const any = { id: '+' };
  const { post } = mailbox;
  const onReport = ({ from, message }: ReceivedMessage<'deviceReport'>): void => {
    post({ kind: 'report', board: from, report: message });
  };
  const onProfile = ({ from, message }: ReceivedMessage<'deviceProfile'>): void => {
    post({ kind: 'device-profile', board: from, message });
  };
  const onState = ({ from, message }: ReceivedMessage<'deviceState'>): void => {
    post({ kind: 'device-state', board: from, message });
  };
  const onHeartbeat = ({ from }: ReceivedMessage<'deviceHeartbeat'>): void => {
    post({ kind: 'heartbeat', board: from });
  };
  const onService = ({ topic, message }: ReceivedMessage<'deviceService'>): void => {
    post({ kind: 'device-service', board: topic.params.id!, message });
  };
  open.push(await messenger.subscribe('deviceService', any, onService, signal));
  open.push(await messenger.subscribe('deviceHeartbeat', any, onHeartbeat, signal));
  open.push(await messenger.subscribe('deviceReport', any, onReport, signal));
  open.push(await messenger.subscribe('deviceProfile', any, onProfile, signal));
  open.push(await messenger.subscribe('deviceState', any, onState, signal));
}

async function conclude(run: RunState, hands: Hands, clock: Clock): Promise<RunResult> {
  const { outcome, request } = run;
  if (outcome === undefined) throw new Error(`run ${request.settings.run} is over without an outcome`);
  if (outcome.kind === 'failed') {
    const words = await within(hands.lastWords(), request.deadlines.stop, clock);
    throw errorOf(outcome.failure, run, words);
  }
  const { batch } = request.settings;
  const seconds = run.lastStepAt - (run.trainingSince ?? run.lastStepAt);
  return {
    run: request.settings.run,
    term: request.term,
    plan: run.plan,
    steps: stepsDone(run),
    losses: run.losses,
    reason: outcome.kind,
    tensors: new Map(hands.heldTensors().map((tensor) => [tensor.name, tensor])),
    checkpoint: run.checkpoint?.path,
    perBoard: totalsOf(run),
    samplesPerSecond: seconds > 0 ? ((stepsDone(run) - run.origin.fromStep) * batch) / seconds : 0,
    seconds,
    recoveries: run.recoveries,
  };
}

/** What `work` gives, or undefined where it fails or takes too long: for what is good to have at the end of a run. */
async function within<T>(work: Promise<T>, seconds: number, clock: Clock): Promise<T | undefined> {
  const done = new AbortController();
  const late = clock.waitUntil(clock.now() + seconds, done.signal).then(() => undefined);
  try {
    return await Promise.race([work.catch(() => undefined), late]);
  } finally {
    done.abort();
  }
}
