import { parentPort, workerData } from 'node:worker_threads';
import { graphOf } from '../../planner/index.ts';
import { createOnnxEngine } from '../engine/index.ts';
import { probeCapabilities } from '../engine/onnx-runtime.ts';
import { copyRate, type MeasureOptions, measureStage } from './measure.ts';
import type { MeasureReply, MeasureRequest, WorkerStart } from './worker-protocol.ts';

// The thread that a board measures itself in: its main thread stays free. It answers one request after another, and ends
// by itself when it is told to: to terminate it from outside while it computes would abort the process.

const port = parentPort!;
const { stop } = workerData as WorkerStart;
const stopFlag = new Int32Array(stop);
const shouldStop = () => Atomics.load(stopFlag, 0) !== 0;

const engine = createOnnxEngine({ blocksOf: graphOf });
const { channelBlock } = await probeCapabilities();
let last: Promise<void> = Promise.resolve();

port.on('message', (request: MeasureRequest) => {
  last = last.then(() => answer(request));
});
reply({ kind: 'ready', engine: { name: engine.name, version: engine.version }, channelBlock });

async function answer(request: MeasureRequest): Promise<void> {
  try {
    switch (request.kind) {
      case 'source':
        reply({ kind: 'source', taken: await measure(request) });
        break;
      case 'copy':
        reply({ kind: 'copy', bytesPerSecond: copyRate(request.seconds) });
        break;
      case 'become-engine':
        await engine.dispose();
        port.removeAllListeners('message');
        await import('../engine/engine-worker.ts');
        break;
      case 'end':
        await engine.dispose();
        port.close();
        break;
      default:
        request satisfies never;
    }
  } catch (error) {
    const { code = 'CALIBRATION_FAILED', message } = error as Error & { code?: unknown };
    reply({ kind: 'failed', code: String(code), message });
  }
}

function reply(message: MeasureReply): void {
  port.postMessage(message);
}

async function measure({ source, threads, seconds }: Extract<MeasureRequest, { kind: 'source' }>) {
  const stage = await engine.load({
    ...source,
    microBatches: 4,
    fused: false,
    optimizer: { name: 'sgd', options: { momentum: 0.9, weightDecay: 1e-4 } },
    seed: 1,
    threads,
  });
  const isStage = source.lastBlock > source.firstBlock;
  const options: MeasureOptions = {
    ...(isStage && { mostInARow: 2 }),
    // Several slices of a processor that is given in slices, where there is the time for it.
    windowSeconds: seconds / 8,
    leastWindows: 2,
    mostWindows: isStage ? 20 : 6,
    stageSeconds: seconds,
    shouldStop,
  };
  const taken = await measureStage(engine, stage, source.classes, options);
  return stage.parameters.length > 0 ? taken : { ...taken, update: [] };
}
