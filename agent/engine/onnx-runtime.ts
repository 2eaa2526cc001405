import type { Capabilities } from '../../models/index.ts';
import { UnknownDoorError } from './errors.ts';
import { openBindingSession } from './ort/binding-session.ts';
import { cInterface } from './ort/c-session.ts';
import type { OpenSession, Session, SessionOptions, Tensor } from './ort/session.ts';
import { probeModel } from './probe.ts';

// ONNX Runtime for the engine: its C interface, or where that cannot be called, its JavaScript binding.

export { onnxRuntime } from './ort/package.ts';
export type { Session, SessionOptions, Tensor };

/** Both ways, by the name that the environment variable FLOTILLA_ORT knows them by. */
export const doors = { c: cInterface, binding: () => openBindingSession } satisfies Record<string, () => OpenSession>;

let chosen: OpenSession | undefined;

/** Loads the library at the first call: only the thread that computes needs it. */
export const createSession: OpenSession = (program, options) => {
  chosen ??= chooseDoor(process.env.FLOTILLA_ORT);
  return chosen(program, options);
};

function chooseDoor(wanted: string | undefined): OpenSession {
  if (wanted !== undefined && wanted !== '') return named(wanted)();
  try {
    return doors.c();
  } catch (error) {
    const { message } = error as Error;
    process.emitWarning(`ONNX Runtime's C interface cannot be called, its binding serves: ${message}`);
    return doors.binding();
  }
}

function named(wanted: string): () => OpenSession {
  if (!Object.hasOwn(doors, wanted)) throw new UnknownDoorError(wanted, Object.keys(doors));
  return doors[wanted as keyof typeof doors];
}

let probed: Promise<Capabilities> | undefined;

/** What this build of ONNX Runtime on this processor can do; found out once by trying. */
export function probeCapabilities(): Promise<Capabilities> {
  probed ??= probeModel(createSession);
  return probed;
}
