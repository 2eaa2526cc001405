import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { connectClient, type DeviceService, silent } from '../../broker/index.ts';
import { parseDrained } from '../../cli/processes/drained.ts';
import { startHub } from '../../cli/processes/hub.ts';
import { memoryLog, testFleet, until } from '../broker/helpers.ts';
import { freePort } from '../fleet/helpers.ts';
import { directoryFor } from './support.ts';

const fleet = testFleet();
const { keyring } = fleet;
const identity = fleet.identity('hub');

const hubAt = (port: number, drainedFile: string, log = silent) =>
  startHub({ identity, keyring, host: '127.0.0.1', port, drainedFile, log });

const byBoard = (a: DeviceService, b: DeviceService) => a.board.localeCompare(b.board);

/** Tells the hub's broker as `flotilla drain` and `undrain` do. */
async function tell(url: string, id: string, message: DeviceService): Promise<void> {
  const client = await connectClient({ url, identity, keyring, purpose: 'drain' });
  await client.publish('deviceService', { id }, message);
  await client.close();
}

/** What the hub's broker has retained, as somebody who comes late gets it. */
async function kept(url: string, count: number): Promise<readonly DeviceService[]> {
  const client = await connectClient({ url, identity: fleet.identity('pi-3'), keyring });
  const heard: DeviceService[] = [];
  await client.subscribe('deviceService', { id: '+' }, ({ message }) => heard.push(message));
  await until('what is retained', () => heard.length >= count);
  // One more exchange: what else was retained would be here by now.
  await client.subscribe('deviceState', { id: '+' }, () => {});
  await client.close();
  return heard;
}

test('a drained board stays drained when the hub is started again, and serves again only when told to', async (t) => {
  const file = join(await directoryFor(t), 'lab.drained.json');
  const port = await freePort();
  const first = await hubAt(port, file);
  const mark: DeviceService = { kind: 'drained', board: 'pi-1', reason: 'a new fan' };
  await tell(first.controlUrl, 'pi-1', mark);
  await tell(first.controlUrl, 'pi-2', { ...mark, board: 'pi-2', reason: 'moves' });
  await first.close();
  t.deepEqual(JSON.parse(await readFile(file, 'utf8')), {
    version: 1,
    drained: { 'pi-1': 'a new fan', 'pi-2': 'moves' },
  });

  const second = await hubAt(port, file);
  t.deepEqual((await kept(second.controlUrl, 2)).toSorted(byBoard), [
    mark,
    { ...mark, board: 'pi-2', reason: 'moves' },
  ]);
  await tell(second.controlUrl, 'pi-2', { kind: 'serving', board: 'pi-2' });
  await second.close();

  const third = await hubAt(port, file);
  t.teardown(() => third.close());
  t.deepEqual(await kept(third.controlUrl, 1), [mark]);
});

test('somebody who outlives the hub does not take the mark for a replay, and hears of its end', async (t) => {
  const file = join(await directoryFor(t), 'lab.drained.json');
  const port = await freePort();
  const first = await hubAt(port, file);
  const { events, log } = memoryLog();
  const board = await connectClient({ url: first.controlUrl, identity: fleet.identity('pi-1'), keyring, log });
  t.teardown(() => board.close());
  const heard: string[] = [];
  await board.subscribe('deviceService', { id: '+' }, ({ message }) => heard.push(message.kind));
  await tell(first.controlUrl, 'pi-1', { kind: 'drained', board: 'pi-1', reason: 'a new fan' });
  await until('the mark', () => heard.length === 1);
  await first.close();
  const second = await hubAt(port, file);
  t.teardown(() => second.close());
  await until('the mark again', () => heard.length === 2);
  await tell(second.controlUrl, 'pi-1', { kind: 'serving', board: 'pi-1' });
  await until('its end', () => heard.length === 3);
  t.deepEqual(heard, ['drained', 'drained', 'serving']);
  t.deepEqual(
    events.filter(({ event }) => event === 'message-refused'),
    [],
  );
});

test('a file that cannot be read is named, and no hub is left behind', async (t) => {
  const file = join(await directoryFor(t), 'lab.drained.json');
  await writeFile(file, '{"version": 1, "drained": {"pi-1": 7}}');
  const port = await freePort();
  await t.throwsAsync(hubAt(port, file), { code: 'DRAINED_FILE', message: /lab\.drained\.json.*'pi-1'/ });
  await writeFile(file, '{"version": 1, "drained": {}}');
  await (await hubAt(port, file)).close();
});

test('what is wrong in the file is said', (t) => {
  for (const [text, says] of [
    ['', /not JSON/],
    ['null', /version undefined is not 1/],
    ['{"version": 2}', /version 2 is not 1/],
    ['{"version": 1}', /no object 'drained'/],
    ['{"version": 1, "drained": {"Board 1": ""}}', /'Board 1' is no id/],
  ] as const) {
    t.throws(() => parseDrained(text, 'file'), { code: 'DRAINED_FILE', message: says }, text);
  }
});

test('a file that cannot be written is said in the log, and the mark holds until the hub ends', async (t) => {
  const directory = await directoryFor(t);
  const { events, log } = memoryLog();
  const hub = await hubAt(0, join(directory, 'gone', 'lab.drained.json'), log);
  t.teardown(() => hub.close());
  await tell(hub.controlUrl, 'pi-1', { kind: 'drained', board: 'pi-1', reason: 'x' });
  await until('the word', () => events.some(({ event }) => event === 'drained-not-saved'));
  t.is((await kept(hub.controlUrl, 1)).length, 1);
});
