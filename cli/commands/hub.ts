import { defineCommand } from '../command.ts';
import { DEFAULT_FLEETS, openFleet } from '../fleets.ts';
import { logTo } from '../log.ts';
import { required, text, withDefault } from '../options/index.ts';
import { startHub } from '../processes/hub.ts';
import { untilInterrupted, watchBoards } from '../watch.ts';

export const hub = defineCommand({
  name: 'hub',
  summary: "Run the hub's broker, to which the boards of a fleet connect.",
  details: ['Anybody on this machine may watch it without a key: mosquitto_sub -t "flotilla/#" -v.'],
  options: {
    fleet: required(text('NAME', 'the fleet')),
    dataBroker: text('URL', "'hub' where boards cannot reach each other and their data go through it"),
    fleets: withDefault(text('DIR', 'the directory of fleet files'), DEFAULT_FLEETS),
  },
  examples: ['flotilla hub --fleet lab'],
  async run({ options }, { output, interrupts }) {
    const { fleet, keyring, identity } = await openFleet(options.fleets, options.fleet, 'hub');
    const { address: host, port } = fleet.hub;
    const log = logTo(output, options.verbose);
    const running = await startHub({ identity, keyring, host, port, dataBroker: options.dataBroker, log });
    try {
      output.line(`The hub of '${fleet.name}' listens at ${running.controlUrl}. Ctrl-C ends it.`);
      await watchBoards(running.messenger, output);
      await untilInterrupted(interrupts.gentle);
    } finally {
      await running.close();
    }
    return { report: { fleet: fleet.name, url: running.controlUrl } };
  },
});
