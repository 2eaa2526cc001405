import { isMainThread } from 'node:worker_threads';

// Preloaded into agents by failures.test.ts: on SIGUSR2 the agent dies of an error that nobody catches.
if (isMainThread && process.argv.includes('agent')) {
  process.once('SIGUSR2', () => {
    throw new Error('the memory card was pulled out');
  });
}
