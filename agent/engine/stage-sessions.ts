import {
  type Capabilities,
  lowerNorms,
  lowerStage,
  lowerUpdate,
  type Optimizer,
  type Program,
  type Stage,
} from '../../models/index.ts';
import { createSession, type Session, type SessionOptions } from './onnx-runtime.ts';
import type { ParameterMemory } from './parameter-memory.ts';
import type { StageSpecification } from './types.ts';

/** The ONNX Runtime sessions of one stage; those that its schedule never runs are absent. */
export interface StageSessions {
  readonly forward: Session | undefined;
  readonly backward: Session | undefined;
  readonly forwardBackward: Session | undefined;
  readonly norms: Session | undefined;
  readonly update: Session;
  /** Whether gradients are added up over several micro-batches. */
  readonly accumulate: boolean;
}

export interface SessionNeeds {
  readonly optimizer: Optimizer;
  readonly capabilities: Capabilities;
  readonly memory: ParameterMemory;
  readonly profile?: string | undefined;
  readonly arena?: boolean | undefined;
  readonly spinning?: boolean | undefined;
  /** Awaited after each. */
  readonly rest: () => Promise<void>;
}

export async function openSessions(
  stage: Stage,
  specification: StageSpecification,
  { optimizer, capabilities, memory, profile, arena, spinning, rest }: SessionNeeds,
): Promise<StageSessions> {
  const { microBatches, threads } = specification;
  const accumulate = microBatches > 1;
  const programs = lowerStage(stage, {
    capabilities,
    lossScale: 1 / microBatches,
    accumulate,
    parameters: memory.layouts,
  });
  const options: SessionOptions = { threads, profile, arena, spinning };
  const create = async (program: Program, made: SessionOptions): Promise<Session> => {
    const session = await createSession(program, made);
    await rest();
    return session;
  };
  const open = async (program: Program | undefined) => (program ? create(program, options) : undefined);
  const fused = stage.isLoss && specification.fused;
  const { name } = stage.graph;
  const clips = memory.trainable.length > 0 && optimizer.clipNorm !== undefined;
  return {
    forward: await open(fused ? undefined : programs.forward),
    backward: await open(fused ? undefined : programs.backward),
    forwardBackward: await open(fused ? programs.forwardBackward : undefined),
    norms: await open(clips ? lowerNorms(name, memory.trainable) : undefined),
    update: await create(lowerUpdate(name, [memory.chunk], optimizer), { threads, arena, spinning }),
    accumulate,
  };
}

export async function closeSessions(sessions: StageSessions): Promise<void> {
  const { forward, backward, forwardBackward, norms, update } = sessions;
  for (const session of [forward, backward, forwardBackward, norms, update]) await session?.release();
}
