import { on, once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { FewMap } from '../../broker/index.ts';
import { EngineClosedError, EngineError } from './errors.ts';
import type { BesideOptions, Engine } from './types.ts';
import { type EngineCall, type EngineResponse, transferables, type WorkerReady } from './worker-protocol.ts';
import { endsYielding, mayYield, raiseSlowly, type WorkerThread } from './yielding.ts';

interface Waiting {
  resolve(value: never): void;
  reject(error: Error): void;
}

const disposeDeadlineMilliseconds = 10_000;

/**
 * An engine in a thread of its own, so that the caller's thread stays free while a step computes. Where others compute
 * `beside` its start, it begins as they would have its loading.
 */
export async function startWorkerEngine(signal?: AbortSignal, beside: BesideOptions = {}): Promise<Engine> {
  signal?.throwIfAborted();
  const file = beside.yields ? './yielding-worker.ts' : './engine-worker.ts';
  const worker = new Worker(new URL(file, import.meta.url), {
    workerData: beside,
    env: { ...process.env, ORT_DISABLE_TELEMETRY: '1' },
  });
  return engineIn(worker, signal);
}

/** The engine in a thread that begins `engine-worker.ts`. */
export async function engineIn(worker: Worker, signal?: AbortSignal): Promise<Engine> {
  const call = connect(worker);
  const { name, version } = await ready(worker, signal).catch((error) => {
    // It must end by a message, and will when it has loaded.
    call('dispose').catch(() => {});
    throw error;
  });
  return {
    name,
    version,
    load: (specification, options) => call('load', specification, options),
    forward: (id, input, labels) => call('forward', id, input, labels),
    backward: (id, outputGradient) => call('backward', id, outputGradient),
    forwardBackward: (id, input, labels) => call('forwardBackward', id, input, labels),
    gradientNorms: () => call('gradientNorms'),
    update: (step, learningRate, scale) => call('update', step, learningRate, scale),
    getState: (block) => call('getState', block),
    setState: (block, tensors) => call('setState', block, tensors),
    unload: () => call('unload'),
    async dispose() {
      const exited = once(worker, 'exit', { signal: AbortSignal.timeout(disposeDeadlineMilliseconds) });
      await Promise.all([call('dispose'), exited]);
    },
  };
}

/** Of a board's processor, so that at least nine parts in ten are left for the training beside. */
const leastShare = 0.09;

/** An engine that trains while another is loaded. */
export interface TrainingBeside {
  readonly threads: number;
  /** Processors that the board may use on average, where it is held to a quota. */
  readonly quotaCores?: number | undefined;
  /** Processors that the board used on average over the last step; undefined before the first. */
  readonly usedCores?: number | undefined;
}

/**
 * How an engine is loaded beside one that trains. With the lowest priority it takes what that one leaves, and more where that has been
 * too little for long (`raiseSlowly`). Where the process may not raise it again, or more threads would keep it, it rests. Under a quota,
 * of which all threads use alike, whatever their priority, it does both: it takes half of what the last step has left, and a little in any case.
 */
export function besideTraining({ threads, quotaCores, usedCores }: TrainingBeside): BesideOptions {
  const yields = threads === 1 && mayYield();
  if (quotaCores === undefined) return yields ? { yields } : { loadingShare: leastShare };
  const left = usedCores === undefined ? 0 : 1 - usedCores / quotaCores;
  return { yields, loadingShare: Math.max(leastShare, left / 2), cores: quotaCores };
}

/** @throws the signal's reason, EngineClosedError where the thread ends before */
async function ready(worker: Worker, signal: AbortSignal | undefined): Promise<WorkerReady> {
  for await (const [message] of on(worker, 'message', { close: ['exit'], ...(signal && { signal }) })) {
    if ('ready' in message) return message as WorkerReady;
  }
  throw new EngineClosedError('its thread ended before it was ready');
}

/** Numbers requests and matches answers; when the worker ends, everybody who waits is told. */
function connect(worker: Worker) {
  const waiting = new FewMap<number, Waiting>();
  let nextId = 0;
  let closed: string | undefined;
  let endRaising = (): void => {};
  worker.on('message', (response: EngineResponse | WorkerReady | WorkerThread) => {
    if ('ready' in response) return;
    if ('thread' in response) {
      endRaising = raiseSlowly(response.thread);
      return;
    }
    const caller = waiting.get(response.id);
    waiting.delete(response.id);
    if (response.ok) caller?.resolve(response.value as never);
    else caller?.reject(new EngineError(response.error.code, response.error.message));
  });
  const close = (reason: string) => {
    closed ??= reason;
    endRaising();
    for (const caller of waiting.values()) caller.reject(new EngineClosedError(closed));
    waiting.clear();
  };
  worker.on('error', (error) => close(error.message));
  worker.on('exit', (code) => close(`its thread ended with code ${code}`));

  return <Name extends EngineCall>(call: Name, ...args: Parameters<Engine[Name]>): ReturnType<Engine[Name]> => {
    const answered = new Promise((resolve, reject) => {
      if (closed !== undefined) throw new EngineClosedError(closed);
      const id = nextId++;
      // It makes its priority normal itself.
      if (endsYielding(call)) endRaising();
      waiting.set(id, { resolve: resolve as Waiting['resolve'], reject });
      worker.postMessage({ id, call, args }, transferables(args));
    });
    return answered as ReturnType<Engine[Name]>;
  };
}
