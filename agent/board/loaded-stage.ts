import { stageCalls } from '../calibration/index.ts';
import { besideTraining, type Engine, type StageDescription, type TrainingBeside } from '../engine/index.ts';
import type { SampleSource } from '../runtime/stage-runtime.ts';
import { createTelemetry } from '../telemetry/index.ts';
import type { EngineShelf } from './engine-shelf.ts';
import { type PlannedStage, specificationOf } from './plan-stage.ts';
import type { SampleShelf } from './sample-shelf.ts';
import { blocksOf } from './state-transfer.ts';

/** A stage in memory: all that a board needs to train but the links. It goes on from one term to the next. */
export interface LoadedStage {
  readonly planned: PlannedStage;
  readonly engine: Engine;
  readonly description: StageDescription;
  /** Only on stage 0. */
  readonly samples: SampleSource | undefined;
}

export interface LoadNeeds {
  readonly threads: number;
  readonly engines: EngineShelf;
  readonly samples: SampleShelf;
  /** All of its state will be set. */
  readonly isBlank: boolean;
  /** Another stage computes meanwhile. */
  readonly beside?: Pick<TrainingBeside, 'usedCores'> | undefined;
  /** Told as soon as there is an engine to dispose of. */
  readonly onEngine: (engine: Engine) => void;
  readonly signal: AbortSignal;
}

export async function loadStage(planned: PlannedStage, needs: LoadNeeds): Promise<LoadedStage> {
  const { threads, engines, isBlank, onEngine, signal } = needs;
  // Beside the loading; who waits for it is told.
  const opening = planned.index === 0 ? needs.samples.open(planned.plan, signal) : undefined;
  opening?.catch(() => {});
  const beside =
    needs.beside && besideTraining({ threads, quotaCores: createTelemetry().sample().cpuQuota, ...needs.beside });
  const engine = await engines.take(signal, beside);
  onEngine(engine);
  const description = await engine.load(specificationOf(planned, threads), { isBlank, ...(beside && { beside }) });
  return { planned, engine, description, samples: await opening };
}

/** One micro-batch of made-up values, so that the first real one finds its memory. All state is to be set after it. */
export async function warmUp({ planned, engine, description }: LoadedStage): Promise<void> {
  const { classes } = planned.plan.model.options as { classes: number };
  const calls = stageCalls(engine, description, classes);
  const isFused = planned.instructions.some(({ kind }) => kind === 'forwardBackward');
  for (const call of isFused ? [calls.forwardBackward] : [calls.forward, calls.backward]) await call(0);
  await calls.update(0);
}

/** The blocks that a board holds under both plans do not travel: they go from one engine to the other. */
export async function keepBlocks(from: LoadedStage, to: LoadedStage): Promise<void> {
  const held = new Set(blocksOf(from.planned.own));
  const kept = blocksOf(to.planned.own).filter((block) => held.has(block));
  // One engine takes a block while the other copies the next.
  await Promise.all(kept.map(async (block) => to.engine.setState(block, await from.engine.getState(block))));
}
