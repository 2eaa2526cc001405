import { stageCalls } from '../calibration/index.ts';
import { besideTraining, type Engine, type StageDescription, startWorkerEngine } from '../engine/index.ts';
import type { SampleSource } from '../runtime/stage-runtime.ts';
import { openSamples, type PlannedStage, specificationOf } from './plan-stage.ts';
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
  /** Another stage computes meanwhile. */
  readonly isBeside?: boolean;
  /** Where samples are open already. */
  readonly samples?: SampleSource | undefined;
  /** Told as soon as there is an engine to dispose of. */
  readonly onEngine: (engine: Engine) => void;
  readonly signal: AbortSignal;
}

export async function loadStage(planned: PlannedStage, needs: LoadNeeds): Promise<LoadedStage> {
  const { threads, isBeside = false, onEngine, signal } = needs;
  const samples = planned.index === 0 ? (needs.samples ?? (await openSamples(planned.plan, signal))) : undefined;
  const engine = await startWorkerEngine(signal, isBeside ? besideTraining(threads) : {});
  onEngine(engine);
  const description = await engine.load(specificationOf(planned, threads), signal);
  return { planned, engine, description, samples };
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
