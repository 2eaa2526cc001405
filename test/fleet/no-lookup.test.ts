import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { inTemporaryDirectory, patienceMilliseconds } from './helpers.ts';

const run = promisify(execFile);

/** Addresses that a trace of system calls names, beside loopback's. */
function foreignAddresses(trace: string): readonly string[] {
  const named = [...trace.matchAll(/inet_addr\("([\d.]+)"\)|inet_pton\(AF_INET6, "([^"]+)"/g)];
  return named.map(([, v4, v6]) => v4 ?? v6!).filter((address) => !/^(127\.|0\.0\.0\.0$|::1?$)/.test(address));
}

test.serial('no process of a run looks anything up or talks to anybody but the fleet', async (t) => {
  t.timeout(patienceMilliseconds);
  // Where it is installed it may still not be allowed, as in some containers.
  const why = await run('strace', ['-f', '-qq', '-o', '/dev/null', 'true']).then(
    () => undefined,
    (error: Error) => error.message,
  );
  if (why !== undefined) {
    t.log(`skipped: strace is not there, or may not trace: ${why}`);
    return t.pass();
  }
  await inTemporaryDirectory(async (directory) => {
    const trace = join(directory, 'trace');
    const program = ['cli/flotilla.js', 'train', '--model', 'mlp', '--boards', '2', '--steps', '3', '--json'];
    const words = ['-f', '-qq', '-e', 'trace=connect,sendto,sendmsg,sendmmsg', '-o', trace, process.execPath];
    await run('strace', [...words, ...program, '--out', join(directory, 'run')], { timeout: 300_000 });
    const calls = await readFile(trace, 'utf8');
    t.regex(calls, /connect\(.*127\.0\.0\./, 'the trace shows the boards connecting to each other');
    t.deepEqual(foreignAddresses(calls), []);
    t.notRegex(calls, /sin6?_port=htons\(53\)/, 'nothing goes to a name server');
  });
});
