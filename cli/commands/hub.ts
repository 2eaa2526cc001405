import { defineCommand } from '../command.ts';
import { DEFAULT_FLEETS, openFleet } from '../fleets.ts';
import { logTo } from '../log.ts';
import { flag, required, text, withDefault } from '../options/index.ts';
import { startHub } from '../processes/hub.ts';
import { keepRuns, registerOf } from '../runs/index.ts';
import { untilInterrupted, watchBoards } from '../watch.ts';

export const hub = defineCommand({
  name: 'hub',
  summary: "Run the hub's broker, to which the boards of a fleet connect.",
  details: [
    'A run of this fleet that is torn out of its work (its process killed, the machine switched off) goes on by itself, ' +
      'from its last state on the disk: `flotilla train` notes it in FLEETS/NAME.runs when it begins (docs/recovery.md).',
    'Anybody on this machine may watch it without a key: mosquitto_sub -t "flotilla/#" -v.',
  ],
  options: {
    fleet: required(text('NAME', 'the fleet')),
    leaveRuns: flag('do not go on with runs that have lost their process'),
    dataBroker: text('URL', "'hub' where boards cannot reach each other and their data go through it"),
    fleets: withDefault(text('DIR', 'the directory of fleet files'), DEFAULT_FLEETS),
  },
  examples: ['flotilla hub --fleet lab'],
  async run({ options }, { output, interrupts }) {
    const { fleet, keyring, identity, paths } = await openFleet(options.fleets, options.fleet, 'hub');
    const { address: host, port } = fleet.hub;
    const log = logTo(output, options.verbose);
    const { dataBroker } = options;
    const { viewer } = fleet;
    const drainedFile = paths.drained;
    const running = await startHub({ identity, keyring, host, port, dataBroker, drainedFile, viewer, log });
    const register = registerOf(options.fleets, fleet.name);
    const keeper = options.leaveRuns ? undefined : keepRuns({ register, say: (line) => output.line(line) });
    try {
      output.line(`The hub of '${fleet.name}' listens at ${running.controlUrl}. Ctrl-C ends it.`);
      await watchBoards(running.messenger, output);
      await untilInterrupted(interrupts.gentle);
    } finally {
      await keeper?.close();
      await running.close();
    }
    return { report: { fleet: fleet.name, url: running.controlUrl } };
  },
});
