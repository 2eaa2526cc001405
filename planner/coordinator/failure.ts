import {
  BoardLostError,
  LossNotFiniteError,
  NotEnoughBoardsError,
  type Place,
  PrepareDeadlineError,
  RunFailedError,
  RunSilentError,
  SurveyDeadlineError,
} from './errors.ts';
import type { Failure, RunState, StageState } from './state.ts';

/** What boards say when a neighbour or the network went away: rarely the cause. */
const consequences: ReadonlySet<string> = new Set([
  'LINK_LOST',
  'CLOSED',
  'DEADLINE',
  'CONNECTION_REFUSED',
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
]);

/** Smaller is closer to the cause. */
function rank(failure: Failure): number {
  if (failure.kind === 'lost') return 0;
  return failure.kind === 'failed' && consequences.has(failure.error.code) ? 2 : 1;
}

/** What the run ends with; undefined while nothing is wrong, or while the cause may still be on its way. */
export function judge({ suspects, request }: RunState, now: number): Failure | undefined {
  const first = suspects[0];
  if (first === undefined) return undefined;
  const worst = suspects.reduce((a, b) => (rank(b.failure) < rank(a.failure) ? b : a));
  const patient = rank(worst.failure) === 2 && now < first.at + request.deadlines.cause;
  return patient ? undefined : worst.failure;
}

/** What went wrong, for comparing it with what went wrong before. */
export function signatureOf(failure: Failure): string {
  return failure.kind === 'failed' ? `failed ${failure.error.code}` : failure.kind;
}

/** In words, for people who watch the run. */
export function describeFailure(failure: Failure, { stages }: RunState): string {
  switch (failure.kind) {
    case 'lost':
      return `${nameOf(stages[failure.stage]!)} ${failure.how} at step ${failure.step}`;
    case 'failed':
      return `${nameOf(stages[failure.stage]!)} failed at step ${failure.step}: ${failure.error.message}`;
    case 'handover':
      return `${failure.board} ${failure.how} while blocks changed hands at step ${failure.step}`;
    case 'silent':
    case 'not-surveyed':
    case 'not-prepared':
      return `nothing was heard for ${failure.seconds} s: ${failure.waitsFor}`;
    case 'not-enough-boards':
      return `too few boards are online: ${failure.online.join(', ')}`;
    case 'not-finite':
      return `${failure.what} is not a finite number at step ${failure.step}`;
    case 'planning':
    case 'hub':
      return failure.error.message;
    default:
      return failure satisfies never;
  }
}

/** The error that the caller of the run gets. */
export function errorOf(failure: Failure, run: RunState, lastWords: string | undefined): Error {
  const { settings } = run.request;
  const checkpoint = run.checkpoint?.path;
  const place = ({ stage, step }: { stage: number; step: number }): Place => {
    return { run: settings.run, board: run.stages[stage]?.board ?? '?', stage, step };
  };
  switch (failure.kind) {
    case 'not-enough-boards':
      return new NotEnoughBoardsError(settings.boards, failure.online, failure.seconds);
    case 'not-surveyed':
      return new SurveyDeadlineError(settings.run, failure.waitsFor, failure.seconds);
    case 'not-prepared':
      return new PrepareDeadlineError(settings.run, failure.waitsFor, failure.seconds);
    case 'silent':
      return new RunSilentError(settings.run, failure.waitsFor, failure.seconds, checkpoint);
    case 'lost':
      return new BoardLostError(place(failure), failure.how, lastWords, checkpoint);
    case 'failed':
      return new RunFailedError(place(failure), failure.error, checkpoint);
    case 'handover': {
      const { board, step, how } = failure;
      const stage = run.stages.find((other) => other.board === board)?.stage ?? 0;
      const error = { code: 'HANDOVER', message: `it ${how} while blocks changed hands` };
      return new RunFailedError({ run: settings.run, board, stage, step }, error, checkpoint);
    }
    case 'not-finite':
      return new LossNotFiniteError(place(failure), failure.what, settings.learningRate, checkpoint);
    case 'planning':
    case 'hub':
      return failure.error;
    default:
      return failure satisfies never;
  }
}

/** Whom the run waits for, and when each stage was last heard: for people. */
export function describeWait(run: RunState, now: number): string {
  const last = run.stages.toSorted((a, b) => b.heardAt - a.heardAt)[0];
  const heard = last === undefined ? '' : `; last heard was ${nameOf(last)}, which ${last.heard} ${ago(last, now)}`;
  return `${awaited(run)}${heard}`;
}

function awaited(run: RunState): string {
  const { capture, stages, phase } = run;
  if (phase === 'surveying') return `waiting for ${[...run.survey.awaited].join(', ')} to measure itself`;
  if (phase === 'opening' || phase === 'opened') return 'the hub has not opened its links yet';
  if (phase === 'preparing') return `waiting for ${names(stages.filter(({ prepared }) => !prepared))} to be prepared`;
  const least = Math.min(...stages.map(({ step }) => step));
  const behind = stages.filter(({ step }) => step === least);
  if (least < run.granted) return `waiting for ${names(behind)} to finish step ${least}`;
  if (run.writing !== undefined) return `waiting for the checkpoint of step ${run.writing} to be written`;
  const { replication } = run;
  if (capture === undefined && replication !== undefined) {
    const open = stages.filter(({ stage }) => !replication.done[stage]);
    return `waiting for ${names(open)} to give the state of step ${replication.step} to the neighbour`;
  }
  const silent = stages.filter(({ stage }) => capture !== undefined && !isCaptured(run, stage));
  return `waiting for ${names(silent)} to send the state of step ${capture?.step ?? least}`;
}

/** Whether a stage has sent all of the state that it was asked for, and has said so. */
export function isCaptured({ capture, request, stages }: RunState, stage: number): boolean {
  if (capture === undefined) return false;
  const { firstBlock, lastBlock } = stages[stage]!;
  const expected = request.layout.slice(firstBlock, lastBlock + 1).flat().length;
  return capture.reported[stage]! && capture.arrived[stage]!.size === expected;
}

const nameOf = ({ board, stage }: StageState): string => `${board} (stage ${stage})`;
const names = (stages: readonly StageState[]): string => stages.map(nameOf).join(', ');
const ago = ({ heardAt }: StageState, now: number): string => `${(now - heardAt).toFixed(1)} s ago`;
