import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { EngineVersion, Source } from '../../planner/index.ts';
import { type Engine, engineIn } from '../engine/index.ts';
import { CalibrationError } from './errors.ts';
import type { StageSeconds } from './measure.ts';
import type { MeasureReply, MeasureRequest, WorkerStart } from './worker-protocol.ts';

/** What a board measures itself with: a thread with an engine of its own, or whatever a test puts there. */
export interface Measurer {
  readonly engine: EngineVersion;
  readonly channelBlock: 0 | 8 | 16;
  /** The times of a source, for about `seconds` beside loading it. */
  measure(source: Source, threads: number, seconds: number): Promise<StageSeconds>;
  /** Bytes a second of a copy in memory. */
  copy(seconds: number): Promise<number>;
  /** Ends a measurement under way early. */
  stop(): void;
  close(): Promise<void>;
}

/** One in a thread that is still of use when nothing is to be measured any more. */
export interface ThreadMeasurer extends Measurer {
  /** Instead of `close`: its thread has loaded what an engine needs. */
  becomeEngine(): Promise<Engine>;
}

const closeDeadlineMilliseconds = 10_000;
const engineDeadlineMilliseconds = 30_000;

export async function startMeasurer(signal?: AbortSignal): Promise<ThreadMeasurer> {
  signal?.throwIfAborted();
  const stop = new SharedArrayBuffer(4);
  const worker = new Worker(new URL('./measure-worker.ts', import.meta.url), {
    workerData: { stop } satisfies WorkerStart,
    env: { ...process.env, ORT_DISABLE_TELEMETRY: '1' },
  });
  const ask = async (request: MeasureRequest): Promise<MeasureReply> => {
    worker.postMessage(request);
    return replyOf(worker);
  };
  // It must end by a message, and will when it has loaded.
  const ready = await replyOf(worker, signal).catch((error) => {
    worker.postMessage({ kind: 'end' } satisfies MeasureRequest);
    throw error;
  });
  if (ready.kind !== 'ready') throw new CalibrationError('CALIBRATION_FAILED', 'the measuring thread did not begin');
  return {
    engine: ready.engine,
    channelBlock: ready.channelBlock,
    async measure(source, threads, seconds) {
      const reply = await ask({ kind: 'source', source, threads, seconds });
      return (reply as Extract<MeasureReply, { kind: 'source' }>).taken;
    },
    async copy(seconds) {
      const reply = await ask({ kind: 'copy', seconds });
      return (reply as Extract<MeasureReply, { kind: 'copy' }>).bytesPerSecond;
    },
    becomeEngine() {
      const engine = engineIn(worker, AbortSignal.timeout(engineDeadlineMilliseconds));
      worker.postMessage({ kind: 'become-engine' } satisfies MeasureRequest);
      return engine;
    },
    stop: () => Atomics.store(new Int32Array(stop), 0, 1),
    async close() {
      const exited = once(worker, 'exit', { signal: AbortSignal.timeout(closeDeadlineMilliseconds) });
      worker.postMessage({ kind: 'end' } satisfies MeasureRequest);
      await exited;
    },
  };
}

/** The thread's next reply. @throws CalibrationError where it could not do what it was asked, or ended */
async function replyOf(worker: Worker, signal?: AbortSignal): Promise<MeasureReply> {
  const ended = new AbortController();
  const end = () => ended.abort();
  worker.once('exit', end);
  try {
    const signals = signal === undefined ? [ended.signal] : [ended.signal, signal];
    const [reply] = (await once(worker, 'message', { signal: AbortSignal.any(signals) })) as [MeasureReply];
    if (reply.kind === 'failed') throw new CalibrationError(reply.code, reply.message);
    return reply;
  } catch (error) {
    if (!ended.signal.aborted) throw error;
    throw new CalibrationError('CALIBRATION_FAILED', 'the measuring thread ended');
  } finally {
    worker.off('exit', end);
  }
}
