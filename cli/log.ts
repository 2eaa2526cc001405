import type { Log } from '../broker/index.ts';
import type { Output } from './output.ts';

/** What brokers and boards have to say: warnings always, the rest with `--verbose`; as lines on standard error. */
export function logTo(output: Output, verbose: boolean): Log {
  return ({ level, event, detail }) => {
    if (verbose || level === 'warn') output.warn(`${event} ${JSON.stringify(detail)}`);
  };
}
