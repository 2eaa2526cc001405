import { once } from 'node:events';
import { removeScene } from './remains.ts';

// Stands beside a test and removes its scene when the test has ended, in whatever way: its standard input closes then.

const [directory] = process.argv.slice(2);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
process.stdin.resume();
await once(process.stdin, 'close');
await removeScene(directory!);
