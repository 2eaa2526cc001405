import { DeadlineError, type LinkSender, type Transport } from '../../broker/index.ts';
import type { Plan } from '../index.ts';
import type { RunRequest } from './state.ts';
import type { RunSettings } from './types.ts';

export type RestoreNeeds = {
  readonly transport: Transport;
  readonly request: RunRequest;
  readonly tensors: NonNullable<RunSettings['restore']>;
};

/** Sends one stage the state of these of its blocks, as `state-down` frames of the step that the run starts from. */
export async function sendState(
  { transport, request, tensors }: RestoreNeeds,
  { board, dataUrl = '' }: Plan['stages'][number],
  blocks: readonly number[],
  signal: AbortSignal,
): Promise<void> {
  const { settings, term, layout } = request;
  const sender = await openPatiently(transport, { to: board, url: dataUrl, run: settings.run, term, signal });
  try {
    for (const block of blocks) {
      for (const [slot, { name, shape }] of layout[block]!.entries()) {
        const meta = { kind: 'state-down', step: settings.fromStep, microBatch: block, slot, name, shape } as const;
        await sender.send({ ...meta, dtype: 'float32' }, tensors.get(name)!.data, signal);
      }
    }
  } finally {
    await sender.close();
  }
}

/** A board opens its end once its stage is loaded, which may take longer than a link's patience; the run's deadline holds. */
async function openPatiently(
  transport: Transport,
  options: Parameters<Transport['openSender']>[0],
): Promise<LinkSender> {
  for (;;) {
    try {
      return await transport.openSender(options);
    } catch (error) {
      options.signal?.throwIfAborted();
      if (!(error instanceof DeadlineError)) throw error;
    }
  }
}
