import type { DeviceProfile, DeviceReport, DeviceService, DeviceState } from '../../broker/index.ts';
import type { Action } from './actions.ts';
import type { RunRequest } from './state.ts';

/** When it happened, seconds of the coordinator's clock. */
type At = { readonly at: number };

/** What a captured tensor is; its values stay outside the state. */
export type CapturedTensor = {
  readonly step: number;
  readonly block: number;
  readonly slot: number;
  readonly name: string;
  readonly shape: readonly number[];
  /** Whether every value is a finite number. */
  readonly finite: boolean;
};

/**
 * Everything that changes the fleet's state. Decisions are events too, so that the log alone gives the state again;
 * what came of a decision in the world outside comes back as another event.
 */
export type Event = At &
  (
    | { readonly kind: 'device-state'; readonly board: string; readonly message: DeviceState }
    | { readonly kind: 'device-profile'; readonly board: string; readonly message: DeviceProfile }
    | { readonly kind: 'device-service'; readonly board: string; readonly message: DeviceService }
    | { readonly kind: 'heartbeat'; readonly board: string }
    | { readonly kind: 'report'; readonly board: string; readonly report: DeviceReport }
    | {
        readonly kind: 'tensor-captured';
        readonly board: string;
        readonly term: number;
        readonly tensor: CapturedTensor;
      }
    | { readonly kind: 'clock' }
    | { readonly kind: 'start-requested'; readonly request: RunRequest }
    | { readonly kind: 'stop-requested' }
    | { readonly kind: 'decided'; readonly action: Action }
    /** The hub listens for captured state of every board of the plan. */
    | { readonly kind: 'captures-opened'; readonly term: number }
    | {
        readonly kind: 'restore-failed';
        readonly board: string;
        readonly term: number;
        readonly error: { code: string; message: string };
      }
    | { readonly kind: 'checkpoint-written'; readonly step: number; readonly path: string }
    /** The hub itself could not do what was decided. */
    | { readonly kind: 'hub-failed'; readonly error: Error }
  );
