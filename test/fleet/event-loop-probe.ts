import { appendFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { isMainThread } from 'node:worker_threads';

// Preloaded into agents by event-loop.test.ts: writes what their main threads' delays were while steps computed.
const resolutionMilliseconds = 5;
const loadingMilliseconds = 8_000;

if (isMainThread && process.argv.includes('agent')) {
  const delays = monitorEventLoopDelay({ resolution: resolutionMilliseconds });
  delays.enable();
  setTimeout(() => delays.reset(), loadingMilliseconds).unref();
  process.on('exit', () => {
    const milliseconds = (nanoseconds: number) => nanoseconds / 1e6 - resolutionMilliseconds;
    const line = { p99: milliseconds(delays.percentile(99)), max: milliseconds(delays.max), count: delays.count };
    appendFileSync(process.env.FLOTILLA_EVENT_LOOP_FILE!, `${JSON.stringify(line)}\n`);
  });
}
