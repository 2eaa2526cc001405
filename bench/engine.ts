import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { createOnnxEngine, type Engine, type StageSpecification } from '../agent/index.ts';
import { buildModel, splitIntoBlocks, zoo } from '../models/index.ts';
import { median, spread } from './statistics.ts';

const run = promisify(execFile);
const peerScript = new URL('../../shared/peers/torch_step.py', import.meta.url).pathname;
/** Debian's Python, which has `python3-torch`; another one on the PATH may not. */
const python = '/usr/bin/python3';
const warmUps = 3;

interface Settings {
  readonly model: keyof typeof zoo;
  readonly batch: number;
  readonly threads: number;
  readonly steps: number;
}

/**
 * One training step (forward, backward, plain SGD) on one board, in turn with PyTorch's where that is installed.
 * Numbers are defined in METHODOLOGY.md.
 */
export async function engineBench(args: readonly string[]): Promise<unknown> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      model: { type: 'string', default: 'resnet18' },
      batch: { type: 'string', default: '16' },
      threads: { type: 'string', default: '1' },
      steps: { type: 'string', default: '9' },
      rounds: { type: 'string', default: '3' },
      json: { type: 'boolean', default: false },
    },
  });
  const settings: Settings = {
    model: values.model as keyof typeof zoo,
    batch: Number(values.batch),
    threads: Number(values.threads),
    steps: Number(values.steps),
  };
  const ours: number[] = [];
  const updates: number[] = [];
  const peers: number[] = [];
  for (let round = 0; round < Number(values.rounds); round++) {
    const timed = await timeSteps(settings);
    ours.push(...timed.steps);
    updates.push(...timed.updates);
    const peer = await timePeer(settings);
    if (peer !== undefined) peers.push(peer);
  }
  const separate = await timeSeparately(settings);
  const ops = await slowestOps(settings);
  const stepMs = median(ours);
  return {
    model: settings.model,
    batch: settings.batch,
    threads: settings.threads,
    stepMs: round2(stepMs),
    stepMsSpread: spread(ours).map(round2),
    forwardMs: round2(separate.forward),
    backwardMs: round2(separate.backward),
    updateMs: round2(median(updates)),
    peakRssMB: Math.round(process.resourceUsage().maxRSS / 1024),
    ...(peers.length === 0
      ? { peer: 'skipped: python3-torch or ../shared/peers is absent' }
      : {
          peerMs: round2(median(peers)),
          peerMsSpread: spread(peers).map(round2),
          ratio: round2(median(peers) / stepMs),
        }),
    ops,
  };
}

const round2 = (value: number) => Math.round(100 * value) / 100;

function specification({ model, batch, threads }: Settings, fused: boolean): StageSpecification {
  const inputShape = zoo[model].sample;
  const blocks = splitIntoBlocks(buildModel(model, { batch, classes: 10, inputShape }).graph).length;
  return {
    model,
    classes: 10,
    inputShape,
    microBatch: batch,
    microBatches: 1,
    firstBlock: 0,
    lastBlock: blocks - 1,
    fused,
    optimizer: { name: 'sgd', options: { momentum: 0 } },
    seed: 1,
    threads,
  };
}

async function open(settings: Settings, fused: boolean): Promise<Engine> {
  const engine = createOnnxEngine();
  await engine.load(specification(settings, fused));
  return engine;
}

function sample({ model, batch }: Settings) {
  const values = batch * zoo[model].sample.reduce((product, size) => product * size, 1);
  const input = Float32Array.from({ length: values }, (_, index) => Math.sin(index * 0.7 + (index % 13)));
  return { input, labels: Int32Array.from({ length: batch }, (_, index) => index % 10) };
}

/** Steps as training runs them on one board: forward and backward in one, then the update. */
async function timeSteps(settings: Settings): Promise<{ steps: number[]; updates: number[] }> {
  const engine = await open(settings, true);
  const { input, labels } = sample(settings);
  const steps: number[] = [];
  const updates: number[] = [];
  const losses: number[] = [];
  for (let step = 0; step < settings.steps + warmUps; step++) {
    const start = performance.now();
    const { value } = await engine.forwardBackward({ step, microBatch: 0 }, input.slice(), labels.slice());
    const beforeUpdate = performance.now();
    await engine.update(step, 0.01);
    const end = performance.now();
    losses.push(value.loss);
    if (step < warmUps) continue;
    steps.push(end - start);
    updates.push(end - beforeUpdate);
  }
  await engine.dispose();
  // A rate of wrong results is worth nothing: on one batch the loss has to fall.
  if (!(losses.at(-1)! < losses[0]!)) throw new Error(`the loss did not fall: ${losses[0]} … ${losses.at(-1)}`);
  return { steps, updates };
}

const profiledSteps = 4;

/** The ten nodes that take longest in a step, by ONNX Runtime's own profile of a few more steps. */
async function slowestOps(settings: Settings): Promise<readonly { name: string; ms: number }[]> {
  const directory = await mkdtemp(join(tmpdir(), 'flotilla-bench-'));
  try {
    const engine = createOnnxEngine({ profile: join(directory, 'profile') });
    await engine.load(specification(settings, true));
    for (let step = 0; step < profiledSteps; step++) {
      const { input, labels } = sample(settings);
      await engine.forwardBackward({ step, microBatch: 0 }, input.slice(), labels.slice());
    }
    await engine.dispose();
    const times = new Map<string, number>();
    for (const file of await readdir(directory)) {
      const events: readonly { cat: string; name: string; dur: number }[] = JSON.parse(
        await readFile(join(directory, file), 'utf8'),
      );
      for (const { cat, name, dur } of events) {
        if (cat !== 'Node' || !name.endsWith('_kernel_time')) continue;
        const node = name.slice(0, -'_kernel_time'.length);
        times.set(node, (times.get(node) ?? 0) + dur / 1000 / profiledSteps);
      }
    }
    const slowest = [...times].sort(([, left], [, right]) => right - left).slice(0, 10);
    return slowest.map(([name, ms]) => ({ name, ms: round2(ms) }));
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Forward and backward as two runs, as on a stage that is not the last. */
async function timeSeparately(settings: Settings): Promise<{ forward: number; backward: number }> {
  const engine = await open(settings, false);
  const { input, labels } = sample(settings);
  const forward: number[] = [];
  const backward: number[] = [];
  for (let step = 0; step < settings.steps + warmUps; step++) {
    const first = await engine.forward({ step, microBatch: 0 }, input.slice(), labels.slice());
    const second = await engine.backward({ step, microBatch: 0 });
    if (step < warmUps) continue;
    forward.push(1000 * first.seconds);
    backward.push(1000 * second.seconds);
  }
  await engine.dispose();
  return { forward: median(forward), backward: median(backward) };
}

async function timePeer({ model, batch, threads, steps }: Settings): Promise<number | undefined> {
  if (!existsSync(peerScript)) return undefined;
  const args = [peerScript, '--model', model, '--batch', batch, '--threads', threads, '--steps', steps].map(String);
  try {
    const { stdout } = await run(python, args, { timeout: 120_000 });
    return (JSON.parse(stdout) as { stepMs: number }).stepMs;
  } catch {
    return undefined;
  }
}
