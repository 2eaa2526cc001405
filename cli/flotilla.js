#!/usr/bin/env -S node --min-semi-space-size=4 --max-semi-space-size=4
/**
 * The `flotilla` command. Plain JavaScript, because it may be started by any Node ≥ 20; a Node that does not run
 * TypeScript as it is hands over to Node 24, which is installed as the npm package `node`.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import module from 'node:module';
import { constants } from 'node:os';
import { join } from 'node:path';

/** The first whose stripping of types is stable and silent. */
const LEAST_MAJOR = 24;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];
/**
 * Where compiled code is kept: half of the processor time that a start takes. As safe as the code beside it; where it may not be
 * written there is none.
 */
const COMPILED = join(import.meta.dirname, '..', 'node_modules', '.cache', 'flotilla-compiled');
/** It is written at the end of a process otherwise, and a board may only ever be switched off. */
const KEPT_AFTER_MILLISECONDS = 30_000;

if (Number(process.versions.node.split('.')[0]) >= LEAST_MAJOR) {
  // Threads are told by the environment.
  process.env.NODE_COMPILE_CACHE ??= COMPILED;
  module.enableCompileCache(process.env.NODE_COMPILE_CACHE);
  setTimeout(() => module.flushCompileCache(), KEPT_AFTER_MILLISECONDS).unref();
  const { main } = await import('./main.ts');
  process.exitCode = await main(process.argv.slice(2));
} else {
  handOver();
}

function handOver() {
  const node = join(import.meta.dirname, '..', 'node_modules', 'node', 'bin', 'node');
  if (!existsSync(node)) {
    console.error(`error: flotilla runs on Node ${LEAST_MAJOR}, which is not installed here (${node}).`);
    console.error('Run `make setup` in the folder of Flotilla, or use a newer Node.');
    process.exitCode = 1;
    return;
  }
  const child = spawn(node, [...process.execArgv, import.meta.filename, ...process.argv.slice(2)], {
    stdio: 'inherit',
  });
  // The program itself tells a signal that comes twice at once (from the terminal and from here) from a second Ctrl-C.
  for (const signal of SIGNALS) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => {
    console.error(`error: ${node} cannot be run: ${error.message}`);
    process.exitCode = 1;
  });
  child.on('exit', (code, signal) => {
    process.exitCode = code ?? 128 + (constants.signals[signal] ?? 0);
  });
}
