import type { TopicMessage } from '../../broker/index.ts';
import { emptyView, type FleetView, type Seen, see, type WatchedTopic } from '../../dashboard/index.ts';

/** 23:00 of some evening. */
export const NOW = Date.UTC(2026, 10, 27, 23);

/** A message as it is heard `seconds` after `NOW`. */
export function seen<Topic extends WatchedTopic>(
  topic: Topic,
  id: string,
  message: TopicMessage<Topic>,
  seconds = 0,
): Seen {
  const at = NOW + 1000 * seconds;
  return { topic, id, heardAt: at, saidAt: at, message } as Seen;
}

export const online = (id: string, seconds = 0): Seen =>
  seen(
    'deviceState',
    id,
    {
      kind: 'online',
      board: id,
      dataUrl: 'mqtt://127.0.0.2:1884',
      engine: { name: 'onnxruntime', version: '1.30.0' },
      cores: 4,
      memoryBytes: 4e9,
      pid: 17,
    },
    seconds,
  );

export const training = (id: string, stage: number, seconds = 0): Seen =>
  seen('deviceStage', id, {
    kind: 'training',
    board: id,
    since: new Date(NOW + 1000 * seconds).toISOString(),
    run: 'mlp-1',
    term: 1,
    stage,
    firstBlock: 2 * stage,
    lastBlock: 2 * stage + 1,
  });

export const metrics = (step: number, loss: number, seconds = 0): Seen =>
  seen(
    'runMetrics',
    'mlp-1',
    {
      kind: 'metrics',
      run: 'mlp-1',
      term: 1,
      step,
      steps: 40,
      loss,
      seconds: 0.25,
      samples: 64,
      samplesPerSecond: 256,
      secondsLeft: 9,
      boards: ['pi-1', 'pi-2'].map((board, stage) => ({
        board,
        stage,
        computeSeconds: 0.1,
        overheadSeconds: 0.02,
        waitSeconds: 0.05,
        wallSeconds: 0.2,
        busyShare: 0.75,
      })),
      links: [
        { from: 'pi-1', to: 'pi-2', bytes: 1_250_000, relativeError: 0.045 },
        { from: 'pi-2', to: 'pi-1', bytes: 1_250_000 },
      ],
    },
    seconds,
  );

export const phase = (word: string, reason?: string): Seen =>
  seen('runState', 'mlp-1', {
    kind: 'state',
    run: 'mlp-1',
    term: 1,
    phase: word,
    step: 0,
    ...(reason === undefined ? {} : { reason }),
  });

/** The picture of the fleet pi-1, pi-2, pi-3 after these messages. */
export function viewOf(...messages: readonly Seen[]): FleetView {
  return messages.reduce(see, emptyView(['pi-1', 'pi-2', 'pi-3']));
}
