import {
  createOptimizer,
  lowerNorms,
  lowerStage,
  lowerUpdate,
  type Optimizer,
  type Program,
  type Stage,
} from '../../models/index.ts';
import { createSession, probeCapabilities, type Session, type SessionOptions } from './onnx-runtime.ts';
import type { StageSpecification } from './types.ts';

/** The ONNX Runtime sessions of one stage; those that its schedule never runs are absent. */
export interface StageSessions {
  readonly forward: Session | undefined;
  readonly backward: Session | undefined;
  readonly forwardBackward: Session | undefined;
  readonly pack: Session | undefined;
  readonly norms: Session | undefined;
  readonly update: Session;
  readonly optimizer: Optimizer;
  /** Whether gradients are added up over several micro-batches. */
  readonly accumulate: boolean;
}

export async function openSessions(stage: Stage, specification: StageSpecification): Promise<StageSessions> {
  const capabilities = await probeCapabilities();
  const { microBatches, threads } = specification;
  const accumulate = microBatches > 1;
  const programs = lowerStage(stage, { capabilities, lossScale: 1 / microBatches, accumulate });
  const optimizer = createOptimizer(specification.optimizer.name, specification.optimizer.options);
  const options: SessionOptions = { threads };
  const open = async (program: Program | undefined) => (program ? createSession(program, options) : undefined);
  const fused = stage.isLoss && specification.fused;
  const { name, parameters } = stage.graph;
  const trains = stage.gradients.size > 0;
  return {
    forward: await open(fused ? undefined : programs.forward),
    backward: await open(fused ? undefined : programs.backward),
    forwardBackward: await open(fused ? programs.forwardBackward : undefined),
    pack: await open(programs.pack),
    norms: await open(trains && optimizer.clipNorm !== undefined ? lowerNorms(name, parameters) : undefined),
    update: (await open(lowerUpdate(name, parameters, optimizer)))!,
    optimizer,
    accumulate,
  };
}

export async function closeSessions(sessions: StageSessions): Promise<void> {
  const { forward, backward, forwardBackward, pack, norms, update } = sessions;
  for (const session of [forward, backward, forwardBackward, pack, norms, update]) await session?.release();
}
