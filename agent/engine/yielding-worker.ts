import { constants, setPriority } from 'node:os';

// The engine's thread where it is to take only what others leave: of this thread, and before it loads anything.
setPriority(0, constants.priority.PRIORITY_LOW);
await import('./engine-worker.ts');
