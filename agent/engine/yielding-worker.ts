import { constants, setPriority } from 'node:os';
import { parentPort } from 'node:worker_threads';
import { ownThread, type WorkerThread } from './yielding.ts';

// The engine's thread where it is to take only what others leave: of this thread, and before it loads anything.
setPriority(0, constants.priority.PRIORITY_LOW);
parentPort!.postMessage({ thread: ownThread() } satisfies WorkerThread);
await import('./engine-worker.ts');
