import { constants, setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { createOnnxEngine } from './onnx-engine.ts';
import { createRests, type Rests } from './rests.ts';
import type { BesideOptions, Engine } from './types.ts';
import { type EngineRequest, type EngineResponse, transferables, type WorkerReady } from './worker-protocol.ts';
import { endsYielding, ownThread, type WorkerThread } from './yielding.ts';

// The thread in which ONNX Runtime computes. It answers one request after another, and ends by itself after `dispose`:
// to terminate it from outside while a run is under way would abort the whole process.

const port = parentPort!;
/** Ends the rests of what is loaded and nobody needs any more. */
let hurry = new AbortController();
let isEnding = false;
let { yields: isYielding = false } = workerData as BesideOptions;
let rests: Rests = createRests({}, hurry.signal);
const engine = createOnnxEngine({ rest: () => rests.rest() });
let last: Promise<void> = Promise.resolve();

port.on('message', (request: EngineRequest) => {
  isEnding ||= request.call === 'dispose';
  // It waits for its turn behind what is being loaded.
  if (isEnding || request.call === 'unload') hurry.abort();
  last = last.then(() => answer(request));
});
port.postMessage({ ready: true, name: engine.name, version: engine.version } satisfies WorkerReady);

async function answer({ id, call, args }: EngineRequest): Promise<void> {
  if (call === 'load') {
    const [, { beside = {} } = {}] = args as Parameters<Engine['load']>;
    if (!isEnding) hurry = new AbortController();
    rests = createRests(beside, hurry.signal);
    yieldToOthers(beside.yields ?? false);
  }
  if (endsYielding(call)) yieldToOthers(false);
  const method = engine[call] as (...given: unknown[]) => Promise<unknown>;
  let response: EngineResponse;
  try {
    response = { id, ok: true, value: await method(...args) };
  } catch (error) {
    const { code = 'ENGINE_FAILED', message } = error as Error & { code?: unknown };
    response = { id, ok: false, error: { code: String(code), message } };
  }
  await rests.rest();
  // The last of what warms a stage up.
  if (call === 'update') rests = createRests({}, hurry.signal);
  port.postMessage(response, response.ok ? transferables(response.value) : []);
  if (call === 'dispose') port.close();
}

/** Of this thread only: Linux keeps a priority for each. */
function yieldToOthers(yields: boolean): void {
  if (yields === isYielding) return;
  isYielding = yields;
  setPriority(0, yields ? constants.priority.PRIORITY_LOW : constants.priority.PRIORITY_NORMAL);
  if (yields) port.postMessage({ thread: ownThread() } satisfies WorkerThread);
}
