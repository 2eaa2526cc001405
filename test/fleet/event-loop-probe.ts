import { appendFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { isMainThread } from 'node:worker_threads';

// Preloaded into agents by event-loop.test.ts: writes what their main threads' delays were from SIGUSR2 on, which comes
// when the first step is done and all is loaded.
const resolutionMilliseconds = 5;

if (isMainThread && process.argv.includes('agent')) {
  const delays = monitorEventLoopDelay({ resolution: resolutionMilliseconds });
  let longestBlock = 0;
  process.once('SIGUSR2', () => {
    delays.enable();
    watchBlocks((milliseconds) => {
      longestBlock = Math.max(longestBlock, milliseconds);
    });
  });
  process.on('exit', () => {
    const milliseconds = (nanoseconds: number) => nanoseconds / 1e6 - resolutionMilliseconds;
    const line = {
      p99: milliseconds(delays.percentile(99)),
      max: milliseconds(delays.max),
      longestBlock,
      count: delays.count,
    };
    appendFileSync(process.env.FLOTILLA_EVENT_LOOP_FILE!, `${JSON.stringify(line)}\n`);
  });
}

/**
 * Tells how long the thread kept a timer waiting by computing: the delay, but no more than the processor time that the
 * thread itself used meanwhile. What is left out is the machine's doing, which had no processor for it.
 */
function watchBlocks(onBlock: (milliseconds: number) => void): void {
  const cpu = () => {
    const { user, system } = process.threadCpuUsage();
    return (user + system) / 1000;
  };
  let at = performance.now();
  let used = cpu();
  setInterval(() => {
    const [now, usedNow] = [performance.now(), cpu()];
    onBlock(Math.min(now - at - resolutionMilliseconds, usedNow - used));
    [at, used] = [now, usedNow];
  }, resolutionMilliseconds).unref();
}
