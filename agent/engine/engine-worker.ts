import { parentPort, workerData } from 'node:worker_threads';
import { createOnnxEngine, type OnnxEngineOptions } from './onnx-engine.ts';
import { type EngineRequest, type EngineResponse, transferables, type WorkerReady } from './worker-protocol.ts';

// The thread in which ONNX Runtime computes. It answers one request after another, and ends by itself after `dispose`:
// to terminate it from outside while a run is under way would abort the whole process.

const port = parentPort!;
const hurry = new AbortController();
const engine = createOnnxEngine({ ...(workerData as OnnxEngineOptions), hurry: hurry.signal });
let last: Promise<void> = Promise.resolve();

port.on('message', (request: EngineRequest) => {
  // It waits for its turn behind what is being loaded, which nobody needs any more.
  if (request.call === 'dispose') hurry.abort();
  last = last.then(() => answer(request));
});
port.postMessage({ ready: true, name: engine.name, version: engine.version } satisfies WorkerReady);

async function answer({ id, call, args }: EngineRequest): Promise<void> {
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
