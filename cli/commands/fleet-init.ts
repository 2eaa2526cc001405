import { createFleet, fleetPaths, writeFleet } from '../../broker/index.ts';
import { defineCommand } from '../command.ts';
import { boardIds, hubAddress, numberedBoards } from '../fleet-options.ts';
import { DEFAULT_FLEETS } from '../fleets.ts';
import { text, withDefault } from '../options/index.ts';

export const fleetInit = defineCommand({
  name: 'fleet init',
  summary: 'Make the keys and the file of a new fleet.',
  details: [
    'Writes FLEETS/NAME.yaml (public keys, the address of the hub) and FLEETS/NAME.keys/ID.key (one private key for ' +
      'the hub and for each board). Copy the file and only its own key to each board.',
  ],
  arguments: [{ name: 'NAME', about: 'what the fleet is called: lower-case letters, digits, dashes' }],
  options: {
    boards: withDefault(boardIds('how many boards, or their ids with commas between them'), numberedBoards(2)),
    hub: hubAddress('where the broker of the hub listens'),
    fleets: withDefault(text('DIR', 'the directory of fleet files'), DEFAULT_FLEETS),
  },
  examples: [
    'flotilla fleet init lab --boards 4',
    'flotilla fleet init shed --boards pi-1,pi-2,nano --hub 192.168.1.10:1883',
  ],
  async run({ options, arguments: [name] }, { output }) {
    const created = createFleet({
      name: name!,
      boards: options.boards,
      ...(options.hub === undefined ? {} : { hub: options.hub }),
    });
    const file = await writeFleet(options.fleets, created);
    const { hub, boards } = created.fleet;
    const ids = boards.map(({ id }) => id);
    const { keys } = fleetPaths(options.fleets, created.fleet.name);
    output.line(`${file}: a hub at ${hub.address}:${hub.port} and ${ids.length} boards (${ids.join(', ')}).`);
    output.line(`${keys}/: their private keys. Keep them secret; each board needs only its own.`);
    return { report: { fleet: created.fleet.name, file, keys, hub: `${hub.address}:${hub.port}`, boards: ids } };
  },
});
