import type { JsonObject } from '../../broker/index.ts';
import { boardsOfEither, type Plan, restoringOf } from '../index.ts';
import type { Action } from './actions.ts';
import { type Captures, createCaptures } from './captures.ts';
import { commandsOf, proposals, stopCommand } from './commands.ts';
import { errorOf } from './failure.ts';
import type { Mailbox } from './mailbox.ts';
import { abandonedBy } from './moving.ts';
import { holdersOf, isReplicationWanted, replicaShortfall } from './replicas.ts';
import { sendState } from './restore.ts';
import { stateTeller } from './run-state.ts';
import type { FleetState, Outcome, RunRequest, RunState } from './state.ts';
import type { RunNeeds, RunSettings, StateTensor } from './types.ts';

/** Does what was decided. Nothing here waits: what comes of it is posted. */
export type Hands = {
  act(action: Action, state: FleetState): void;
  /** The state that is held: of the latest step that is whole and sound. */
  heldTensors(): readonly StateTensor[];
  /** What a lost board has said, as far as it is known when its run is over. */
  lastWords(): Promise<string | undefined>;
  /** Takes the run from the boards without waiting for an answer. */
  abandon(run: RunState, reason: string): Promise<void>;
  close(): Promise<void>;
};

type HandsNeeds = {
  readonly needs: RunNeeds;
  readonly request: RunRequest;
  readonly restore: RunSettings['restore'];
  readonly mailbox: Mailbox;
};

type ActionOf<Kind extends Action['kind']> = Extract<Action, { kind: Kind }>;
type Doers = { readonly [Kind in Action['kind']]: (action: ActionOf<Kind>, state: FleetState) => void };

/** Codes of errors of a connection that may come back. */
const unreachable: ReadonlySet<string> = new Set(['DEADLINE', 'CLOSED']);

export function createHands({ needs, request, restore, mailbox }: HandsNeeds): Hands {
  const { messenger, transport, hubUrl, checkpoints, onSurvey, onPlan, onNotice, onProgress, log = () => {} } = needs;
  const { run } = request.settings;
  const closing = new AbortController();
  const { signal } = closing;
  const captures: Captures = createCaptures({
    transport,
    request,
    onTensor: (board, term, tensor) => mailbox.post({ kind: 'tensor-captured', board, term, tensor }),
  });
  let held: readonly StateTensor[] = [];
  /** Ends what is done for one term's boards only. */
  let termEnding = new AbortController();
  /** Boards that may hold state of the run. */
  let keepers: readonly string[] = [];
  let words: Promise<string | undefined> = Promise.resolve(undefined);

  /** What the run cannot do without. */
  const must = (work: Promise<unknown>): void => {
    work.catch((error: Error) => {
      if (!signal.aborted) mailbox.post({ kind: 'hub-failed', error });
    });
  };
  /** A board that cannot be told something is silent to us too: its missing answer ends the term, not the run. */
  const order = (work: Promise<unknown>): void => {
    work.catch((error: Error & { readonly code?: string }) => {
      if (signal.aborted) return;
      if (unreachable.has(error.code ?? '')) {
        log({ level: 'warn', event: 'not-told', detail: { run, error: error.message } });
      } else mailbox.post({ kind: 'hub-failed', error });
    });
  };
  /** What others would like to know. */
  const tell = (work: Promise<unknown>): void => {
    work.catch((error: Error) => {
      if (!signal.aborted) log({ level: 'warn', event: 'not-published', detail: { run, error: error.message } });
    });
  };
  const tellEvent = (what: string, detail: JsonObject): void => {
    tell(messenger.publish('runEvents', { run }, { kind: 'event', run, what, detail }, signal));
  };
  const command = (action: ActionOf<'prepare' | 'grant' | 'clip' | 'encode'>, state: FleetState): void => {
    for (const [id, message] of commandsOf(action, planIn(state), runIn(state).request, hubUrl)) {
      order(messenger.publish('deviceCommand', { id }, message, signal));
    }
  };
  const sendStop = async (term: number, boards: readonly string[], reason: string): Promise<void> => {
    const message = stopCommand({ run, term }, reason);
    await Promise.all(boards.map((id) => messenger.publish('deviceCommand', { id }, message, signal)));
  };
  const forget = async (but: number | null): Promise<void> => {
    const message = { kind: 'forget', run, but } as const;
    await Promise.all(keepers.map((id) => messenger.publish('deviceCommand', { id }, message, signal)));
  };
  /** To every board that has a part in this plan or in the one that is made ready beside it, or measures itself for the run. */
  const stopAll = async ({ plan, next, survey }: RunState, reason: string): Promise<void> => {
    const parts = [
      ...(plan === undefined ? [] : [{ term: plan.term, boards: boardsIn(plan) }]),
      ...(next === undefined ? [] : [abandonedBy(next)]),
    ];
    const measuring = [...survey.awaited].filter((id) => !parts.some(({ boards }) => boards.includes(id)));
    for (const { term, boards } of [...parts, { term: request.term, boards: measuring }]) {
      await sendStop(term, boards, reason);
    }
    await forget(null);
  };
  /** What the boards of this term start from, as far as no board has it: what is held, or else what the run was given. */
  const restoreStages = ({ request: asked }: RunState, { plan, sources }: ActionOf<'prepare'>): void => {
    const tensors = held.length > 0 ? new Map(held.map((tensor) => [tensor.name, tensor])) : restore;
    if (tensors === undefined) return;
    const ending = AbortSignal.any([signal, termEnding.signal]);
    const { term } = plan;
    for (const stage of plan.stages) {
      const blocks = restoringOf(plan, sources, stage.board).fromHub;
      if (blocks.length === 0) continue;
      const sending = sendState({ transport, request: asked, tensors }, stage, blocks, ending);
      sending.catch((problem: Error & { code?: string }) => {
        const error = { code: problem.code ?? 'RESTORE', message: `sending it its state: ${problem.message}` };
        if (!ending.aborted) mailbox.post({ kind: 'restore-failed', board: stage.board, term, error });
      });
    }
  };
  const tellPlan = (plan: Plan): void => {
    tell(messenger.publish('runPlan', { run }, { kind: 'plan', run, term: plan.term, plan }, signal));
  };
  const tellState = stateTeller(messenger, run, tell, signal);
  const notice = (what: string, text: string, detail: JsonObject = {}): void => {
    tellEvent(what, { ...detail, text: text.slice(0, 4000) });
    onNotice?.(text);
  };
  /** Once a plan, where boards were to hold each other's state. */
  const tellShortfall = (state: FleetState): void => {
    const lack = isReplicationWanted(runIn(state)) ? replicaShortfall(runIn(state), state.boards) : undefined;
    if (lack === undefined) return;
    const [needed, there] = [lack.neededBytes, lack.memoryBytes].map((bytes) => `${Math.ceil(bytes / 1e6)} MB`);
    const words = `${lack.board} would need ${needed} of ${there} to hold others' state as well: only the hub holds state.`;
    notice('not-replicated', words, { ...lack });
  };

  const doers: Doers = {
    survey({ round, wishes }, state) {
      const boards = [...wishes.keys()];
      const isOfStages = [...wishes.values()].some(({ stages }) => stages.length > 0);
      const isBeside = isOfStages && runIn(state).phase === 'training';
      const what = isOfStages ? 'stages' : 'first';
      tellEvent('surveying', { boards, what: isBeside ? 'again' : what });
      // Nobody waits for boards without work that look how fast they are now.
      if (!isBeside) onSurvey?.(boards, what);
      const { term } = runIn(state).request;
      for (const [id, wish] of wishes) {
        const message = { kind: 'survey', run, term, round, wish: { ...wish } as unknown as JsonObject } as const;
        order(messenger.publish('deviceCommand', { id }, message, signal));
      }
    },
    adopt({ plan }, state) {
      tellEvent('planned', plannedDetail(plan));
      tellShortfall(state);
      onPlan?.(plan);
      tellPlan(plan);
      must(captures.open(plan).then(() => mailbox.post({ kind: 'captures-opened', term: plan.term })));
    },
    prepare(action, state) {
      command(action, state);
      restoreStages(runIn(state), action);
    },
    grant(action, state) {
      if (action.capture) captures.expect(action.toStep);
      if (action.replicate) keepers = [...new Set([...keepers, ...boardsIn(planIn(state))])];
      command(action, state);
    },
    clip(action, state) {
      command(action, state);
    },
    announce({ step, progress, metrics }, state) {
      const { steps, loss, samplesPerSecond, secondsLeft } = progress;
      const { term } = runIn(state).request;
      const message = { run, term, step, steps, loss, samplesPerSecond, secondsLeft, ...metrics };
      tell(messenger.publish('runMetrics', { run }, { kind: 'metrics', ...message }, signal));
      onProgress?.(progress);
    },
    keep() {
      held = captures.take();
    },
    hold({ replica }) {
      const { step } = replica;
      tell(forget(step));
      keepers = holdersOf(replica);
      tellEvent('replicated', { step, boards: keepers });
    },
    'write-checkpoint'({ step }, state) {
      const { origin, losses: all, request: asked } = runIn(state);
      const { fromStep } = origin;
      const losses = all.slice(0, step - fromStep);
      const checkpoint = { run, term: asked.term, plan: planIn(state), step, fromStep, losses };
      const written = checkpoints.write(checkpoint, held, signal);
      must(
        written.then((path) => {
          mailbox.post({ kind: 'checkpoint-written', step, path });
          tellEvent('checkpoint', { step, path });
        }),
      );
    },
    miss({ board, seconds }) {
      tellEvent('board-silent', { board, seconds });
    },
    recover({ reason, fromStep, abandons }, state) {
      termEnding.abort(new Error('the term is over'));
      termEnding = new AbortController();
      const { plan, recoveries } = runIn(state);
      const { term = 0, step = fromStep, heldBy = 'nobody' } = recoveries.at(-1) ?? {};
      const redone = step > fromStep ? ` of ${step} done` : '';
      const next = { term, fromStep, heldBy };
      notice('recovering', `${reason}. Going on from step ${fromStep}${redone}, with plan ${term}.`, next);
      // Whoever holds a stage of the old term gives it up, and who gives state for it stops; a board that cannot hear it is told when it can.
      if (plan !== undefined) tell(sendStop(plan.term, [...new Set([...boardsIn(plan), ...keepers])], reason));
      if (abandons !== undefined) tell(sendStop(abandons.term, abandons.boards, reason));
    },
    weigh({ step, stepSeconds, bestStepSeconds, moveSeconds, worthIt }) {
      tellEvent('weighed', { step, stepSeconds, bestStepSeconds, moveSeconds, worthIt });
    },
    move({ reason }, state) {
      tellEvent('moving', { reason, step: runIn(state).move?.step ?? 0 });
    },
    propose({ plan: { term }, reason }, state) {
      const { next, request: asked } = runIn(state);
      for (const [id, message] of proposals(next!, asked, hubUrl)) {
        order(messenger.publish('deviceCommand', { id }, message, signal));
      }
      tellEvent('preparing', { reason, term });
    },
    commit({ step }, state) {
      const { before, plan, ready } = runIn(state).next!;
      const message = { kind: 'commit', run, term: plan.term, step } as const;
      for (const id of boardsOfEither(before, plan)) order(messenger.publish('deviceCommand', { id }, message, signal));
      const boards = [...ready].map(([board, took]) => ({ board, ...took }));
      tellEvent('committing', { term: plan.term, step, boards });
    },
    take(_action, state) {
      const { reason, plan, step } = runIn(state).next!;
      tellEvent('planned', plannedDetail(plan));
      tellShortfall(state);
      onPlan?.(plan);
      must(captures.open(plan));
      const next = { term: plan.term, fromStep: step };
      notice('changing', `${reason}. Going on from step ${step}, with plan ${plan.term}.`, next);
    },
    settle({ kind: _, boards, ...numbers }, state) {
      const plan = planIn(state);
      // Only now: who waits for a board to be without work may take it away.
      tellPlan(plan);
      tellEvent('moved', { ...numbers, boards: boards.map((each) => ({ ...each })) });
    },
    'give-up'({ reason, abandons: { term, boards } }) {
      tell(sendStop(term, boards, reason));
      tellEvent('given-up', { term, reason: reason.slice(0, 4000) });
    },
    'weigh-widths'({ step, stepSeconds, bestStepSeconds }) {
      tellEvent('weighed-widths', { step, stepSeconds, bestStepSeconds });
    },
    encode(action, state) {
      const { changes, reason } = action;
      command(action, state);
      tellPlan(planIn(state));
      const words = changes.map(({ from, to, before, after }) => `${from} → ${to} ${after} instead of ${before}`);
      notice('widths', `Links change: ${words.join(', ')}; ${reason}.`, {
        changes: changes.map((each) => ({ ...each })),
      });
    },
    'leave-out'({ board, reason }) {
      notice('left-out', `${board} is left out: ${reason}`, { board, reason: reason.slice(0, 4000) });
    },
    pause({ reason }) {
      notice('paused', `The run waits for boards: ${reason}`);
    },
    stop({ outcome }, state) {
      const lost = outcome.kind === 'failed' && outcome.failure.kind === 'lost' ? outcome.failure.stage : undefined;
      const board = state.run?.stages[lost ?? -1]?.board;
      if (board !== undefined && needs.lastWords !== undefined) {
        words = needs.lastWords(board).catch(() => undefined);
      }
      const reason = reasonOf(outcome, state);
      tellEvent(outcome.kind, { reason: reason.slice(0, 4000) });
      tell(stopAll(runIn(state), reason));
    },
    finish(_action, { ignored, run: over }) {
      for (const [board, problem] of over?.survey.problems ?? []) {
        log({ level: 'warn', event: 'not-surveyed', detail: { run, board, problem } });
      }
      if (Object.keys(ignored).length > 0)
        log({ level: 'info', event: 'messages-ignored', detail: { run, ...ignored } });
    },
  };

  return {
    act(action, state) {
      (doers[action.kind] as (action: Action, state: FleetState) => void)(action, state);
      tellState(state);
    },
    heldTensors: () => held,
    lastWords: () => words,
    abandon: stopAll,
    async close() {
      closing.abort(new Error(`run ${run} is over`));
      await captures.close();
    },
  };
}

function runIn({ run }: FleetState): RunState {
  if (run === undefined) throw new Error('something was decided before there was a run');
  return run;
}

/** Boards are told something only once there is a plan. */
function planIn({ run }: FleetState): Plan {
  if (run?.plan === undefined) throw new Error('a command was decided before there was a plan');
  return run.plan;
}

const boardsIn = ({ stages }: Plan): readonly string[] => stages.map(({ board }) => board);

function plannedDetail(plan: Plan): JsonObject {
  const { term, predictedStepSeconds } = plan;
  return { term, boards: boardsIn(plan), ...(predictedStepSeconds === undefined ? {} : { predictedStepSeconds }) };
}

function reasonOf(outcome: Outcome, { run }: FleetState): string {
  if (outcome.kind !== 'failed' || run === undefined) return outcome.kind;
  return errorOf(outcome.failure, run, undefined).message;
}
