import { constants, setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { createOnnxEngine } from './onnx-engine.ts';
import {
  type EngineRequest,
  type EngineResponse,
  transferables,
  type WorkerReady,
  type WorkerStart,
} from './worker-protocol.ts';
import { ENDS_YIELDING } from './yielding.ts';

// The thread in which ONNX Runtime computes. It answers one request after another, and ends by itself after `dispose`:
// to terminate it from outside while a run is under way would abort the whole process.

const port = parentPort!;
const hurry = new AbortController();
const { loadingShare = 1, yields = false } = workerData as WorkerStart;
const engine = createOnnxEngine({ loadingShare, hurry: hurry.signal });
let isYielding = yields;
let last: Promise<void> = Promise.resolve();

port.on('message', (request: EngineRequest) => {
  // It waits for its turn behind what is being loaded, which nobody needs any more.
  if (request.call === 'dispose') hurry.abort();
  last = last.then(() => answer(request));
});
port.postMessage({ ready: true, name: engine.name, version: engine.version } satisfies WorkerReady);

async function answer({ id, call, args }: EngineRequest): Promise<void> {
  if (isYielding && call === ENDS_YIELDING) {
    isYielding = false;
    setPriority(0, constants.priority.PRIORITY_NORMAL);
  }
  const method = engine[call] as (...given: unknown[]) => Promise<unknown>;
  let response: EngineResponse;
  try {
    response = { id, ok: true, value: await method(...args) };
  } catch (error) {
    const { code = 'ENGINE_FAILED', message } = error as Error & { code?: unknown };
    response = { id, ok: false, error: { code: String(code), message } };
  }
  port.postMessage(response, response.ok ? transferables(response.value) : []);
  if (call === 'dispose') port.close();
}
