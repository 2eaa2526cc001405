import test from 'ava';
import { profileMessage } from '../../../agent/board/profile-message.ts';
import { createStageNotice } from '../../../agent/board/stage-notice.ts';
import type { DeviceStage } from '../../../broker/index.ts';
import { messageProblem } from '../../../broker/messages/tables.ts';
import type { DeviceProfile } from '../../../planner/index.ts';

test('what a board holds is told when it changes, with its time, and only then', (t) => {
  const told: DeviceStage[] = [];
  let minute = 0;
  const notice = createStageNotice({
    board: 'pi-1',
    publish: async (message) => void told.push(message),
    clock: () => new Date(Date.UTC(2026, 10, 27, 23, minute++)),
  });
  const held = { run: 'r', term: 1, stage: 0, firstBlock: 0, lastBlock: 3 };
  notice({ kind: 'idle' });
  notice({ kind: 'preparing', ...held });
  notice({ kind: 'training', ...held });
  notice({ kind: 'training', ...held });
  notice({ kind: 'idle' });
  t.deepEqual(told, [
    { kind: 'idle', board: 'pi-1', since: '2026-11-27T23:00:00.000Z' },
    { kind: 'preparing', board: 'pi-1', since: '2026-11-27T23:01:00.000Z', ...held },
    { kind: 'training', board: 'pi-1', since: '2026-11-27T23:02:00.000Z', ...held },
    { kind: 'idle', board: 'pi-1', since: '2026-11-27T23:03:00.000Z' },
  ]);
  for (const message of told) t.is(messageProblem('deviceStage', message), null);
});

test('what cannot be published holds nobody up', async (t) => {
  const notice = createStageNotice({ board: 'pi-1', publish: () => Promise.reject(new Error('no hub')) });
  t.notThrows(() => notice({ kind: 'idle' }));
  await new Promise((resolve) => setImmediate(resolve));
});

const inventory = { model: 'Pi 4', cores: 4, memoryBytes: 4e9, platform: 'linux-arm64' };

test('a profile says what was measured, not every measurement', (t) => {
  const row = { classes: 10, inputShape: [3, 32, 32], firstBlock: 0, lastBlock: 0, microBatch: 4 };
  const measured = { ...row, pass: 'forward', threads: 4, seconds: 0.01, spread: 0.1 } as const;
  const profile: DeviceProfile = {
    board: 'pi-1',
    engine: { name: 'onnxruntime', version: '1.30.0' },
    channelBlock: 8,
    threads: 4,
    copyBytesPerSecond: 2e9,
    measuredAt: '2026-11-27T23:00:00.000Z',
    seconds: 12,
    ended: 'complete',
    measurements: [
      { ...measured, model: 'probe/gemm' },
      { ...measured, model: 'mlp' },
      { ...measured, model: 'mlp', pass: 'backward' },
    ],
  };
  const message = profileMessage('pi-1', inventory, profile);
  t.is(messageProblem('deviceProfile', message), null);
  t.like(message.measured, { at: profile.measuredAt, measurements: 3, models: ['mlp'], ended: 'complete' });
});

test('a board that has not measured itself says only what it is', (t) => {
  const message = profileMessage('pi-1', inventory);
  t.is(messageProblem('deviceProfile', message), null);
  t.false('measured' in message);
});
