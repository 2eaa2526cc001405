import type { DeviceCommand } from '../../broker/index.ts';
import { boardsOfEither, type Plan } from '../index.ts';
import type { Action } from './actions.ts';
import { stateBytes } from './capture-cost.ts';
import type { NextPlan, RunRequest } from './state.ts';

/** The commands that an action sends, by board, in the order of the pipeline; then those that only give state away. */
export function commandsOf(
  action: Extract<Action, { kind: 'prepare' | 'grant' | 'clip' | 'encode' }>,
  plan: Plan,
  request: RunRequest,
  hubUrl: string,
): readonly (readonly [board: string, command: DeviceCommand])[] {
  const { run, term } = plan;
  const { settings, deadlines, layout } = request;
  const commandFor = (stage: number | null): DeviceCommand => {
    switch (action.kind) {
      case 'prepare':
        return {
          ...{ kind: 'prepare', run, term, stage, plan, fromStep: settings.fromStep, sources: action.sources, hubUrl },
          stateBytes: stateBytes(layout),
          linkPatienceSeconds: deadlines.link,
        };
      case 'grant': {
        const { toStep, capture, replicate } = action;
        return { kind: 'grant', run, term, toStep, capture, replicate };
      }
      case 'clip':
        return { kind: 'clip', run, term, step: action.step, squaredNorm: action.squaredNorm };
      case 'encode':
        return { kind: 'encode', run, term, codecs: action.codecs };
      default:
        return action satisfies never;
    }
  };
  const commands = plan.stages.map(({ stage, board }) => [board, commandFor(stage)] as const);
  if (action.kind !== 'prepare') return commands;
  const givers = new Set(action.sources.filter((source) => source !== null));
  for (const { board } of plan.stages) givers.delete(board);
  return [...commands, ...[...givers].map((board) => [board, commandFor(null)] as const)];
}

/** What boards are told of the plan that comes next, those that will have no stage too. */
export function proposals(
  { plan, before }: NextPlan,
  { deadlines, layout }: RunRequest,
  hubUrl: string,
): readonly (readonly [board: string, command: DeviceCommand])[] {
  const { run, term } = plan;
  const about = {
    ...({ kind: 'propose', run, term, plan, before, hubUrl } as const),
    stateBytes: stateBytes(layout),
    linkPatienceSeconds: deadlines.link,
  };
  return boardsOfEither(before, plan).map((board) => {
    const stage = plan.stages.find((other) => other.board === board)?.stage ?? null;
    return [board, { ...about, stage }];
  });
}

/** What a board is told when the run is taken from it. */
export function stopCommand({ run, term }: Pick<Plan, 'run' | 'term'>, reason: string): DeviceCommand {
  return { kind: 'stop', run, term, reason: reason.slice(0, LONGEST_REASON) };
}

const LONGEST_REASON = 500;
