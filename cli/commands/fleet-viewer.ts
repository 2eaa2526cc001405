import { giveViewer, VIEWER } from '../../broker/index.ts';
import { defineCommand } from '../command.ts';
import { DEFAULT_FLEETS } from '../fleets.ts';
import { text, withDefault } from '../options/index.ts';

export const fleetViewer = defineCommand({
  name: 'fleet viewer',
  summary: 'Make a password with which any MQTT client may watch a fleet, and do nothing else.',
  details: [
    'Writes FLEETS/NAME.keys/viewer.password and its digest into FLEETS/NAME.yaml; the hub takes it from there when it is ' +
      'started. A password that was made before holds no more then. What boards and hub say travels unencrypted, so that the ' +
      'password keeps out who is not on the network, and no more.',
  ],
  arguments: [{ name: 'NAME', about: 'the fleet' }],
  options: { fleets: withDefault(text('DIR', 'the directory of fleet files'), DEFAULT_FLEETS) },
  examples: ['flotilla fleet viewer shed'],
  async run({ options, arguments: [name] }, { output }) {
    const { fleet, passwordFile } = await giveViewer(options.fleets, name!);
    const { address, port } = fleet.hub;
    output.line(`${passwordFile}: the password of the user '${VIEWER}'. Start the hub again, then:`);
    const client = `mosquitto_sub -h ${address} -p ${port} -u ${VIEWER} -P "$(cat ${passwordFile})"`;
    output.line(`${client} -t 'flotilla/${fleet.name}/#' -v`);
    return { report: { fleet: fleet.name, user: VIEWER, password: passwordFile } };
  },
});
