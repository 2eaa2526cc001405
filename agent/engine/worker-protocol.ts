import type { Engine } from './types.ts';

/** The calls that cross to the worker thread: the engine's own methods, by name. */
export type EngineCall = {
  [Name in keyof Engine]: Engine[Name] extends (...args: never[]) => unknown ? Name : never;
}[keyof Engine];

export interface EngineRequest {
  readonly id: number;
  readonly call: EngineCall;
  readonly args: readonly unknown[];
}

export type EngineResponse =
  | { readonly id: number; readonly ok: true; readonly value: unknown }
  | { readonly id: number; readonly ok: false; readonly error: { readonly code: string; readonly message: string } };

/** Sent once, when the worker has loaded its library. */
export interface WorkerReady {
  readonly ready: true;
  readonly name: string;
  readonly version: string;
}

/** The buffers of all arrays in a message, which then move instead of being copied. Shared ones stay where they are. */
export function transferables(value: unknown): ArrayBuffer[] {
  return [...new Set(buffersIn(value))];
}

function buffersIn(value: unknown): ArrayBuffer[] {
  if (ArrayBuffer.isView(value)) return value.buffer instanceof ArrayBuffer ? [value.buffer] : [];
  if (Array.isArray(value)) return value.flatMap(buffersIn);
  if (value !== null && typeof value === 'object') return Object.values(value).flatMap(buffersIn);
  return [];
}
