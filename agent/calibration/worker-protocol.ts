import type { Source } from '../../planner/index.ts';
import type { StageSeconds } from './measure.ts';

/** What the measuring thread is asked. */
export type MeasureRequest =
  | { readonly kind: 'source'; readonly source: Source; readonly threads: number; readonly seconds: number }
  | { readonly kind: 'copy'; readonly seconds: number }
  /** It measures no more: from here on it is the thread of an engine. */
  | { readonly kind: 'become-engine' }
  | { readonly kind: 'end' };

export type MeasureReply =
  | {
      readonly kind: 'ready';
      readonly engine: { readonly name: string; readonly version: string };
      readonly channelBlock: 0 | 8 | 16;
    }
  | { readonly kind: 'source'; readonly taken: StageSeconds }
  | { readonly kind: 'copy'; readonly bytesPerSecond: number }
  | { readonly kind: 'failed'; readonly code: string; readonly message: string };

/** Given to the thread when it starts: memory whose first number is not 0 when it shall stop measuring. */
export interface WorkerStart {
  readonly stop: SharedArrayBuffer;
}
