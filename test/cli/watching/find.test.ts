import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { createFleet, keyringOf, silent, writeFleet } from '../../../broker/index.ts';
import { startHub } from '../../../cli/processes/hub.ts';
import { findFleet } from '../../../cli/watching/find.ts';
import { freePort } from '../../fleet/helpers.ts';
import { directoryFor } from '../support.ts';

const noLabs = async () => [];

/** Writes a fleet down, and starts its hub where that is wanted. */
async function makeFleet(t: ExecutionContext, directory: string, name: string, starts: boolean) {
  const created = createFleet({ name, boards: ['pi-1'], hub: { port: await freePort() } });
  await writeFleet(directory, created);
  if (!starts) return;
  const { address: host, port } = created.fleet.hub;
  const identity = created.identities.get('hub')!;
  const hub = await startHub({ identity, keyring: keyringOf(created.fleet), host, port, log: silent });
  t.teardown(() => hub.close());
}

test('where nobody named a fleet, it is the one whose hub can be reached', async (t) => {
  const directory = await directoryFor(t);
  await makeFleet(t, directory, 'asleep', false);
  await makeFleet(t, directory, 'awake', true);
  t.deepEqual(await findFleet(directory, noLabs), { fleets: directory, name: 'awake' });
});

test('a lab that runs here is found as well', async (t) => {
  const directory = await directoryFor(t);
  const lab = join(directory, 'lab');
  await makeFleet(t, lab, 'lab', true);
  const place = { fleets: lab, name: 'lab' };
  t.deepEqual(await findFleet(join(directory, 'none'), async () => [place]), place);
});

test('where several could be meant, all are named with the options to choose by', async (t) => {
  const directory = await directoryFor(t);
  await makeFleet(t, directory, 'one', true);
  await makeFleet(t, directory, 'two', true);
  const error = await t.throwsAsync(findFleet(directory, noLabs), { code: 'FLEET_CHOICE' });
  t.regex(error!.message, /hubs of 2 fleets .*--fleet one --fleets .*, or --fleet two/);
});

test('where none can be reached, it is said what to start', async (t) => {
  const directory = await directoryFor(t);
  await t.throwsAsync(findFleet(directory, noLabs), { code: 'FLEET_CHOICE', message: /flotilla fleet init/ });
  await makeFleet(t, directory, 'asleep', false);
  await t.throwsAsync(findFleet(directory, noLabs), { code: 'FLEET_CHOICE', message: /flotilla hub --fleet asleep/ });
});
