import { defineCommand } from '../command.ts';
import { boardIds, numberedBoards } from '../fleet-options.ts';
import { DEFAULT_FLEETS, openFleet } from '../fleets.ts';
import { logTo } from '../log.ts';
import { text, wholeNumber, withDefault } from '../options/index.ts';
import { startHub } from '../processes/hub.ts';
import { startBoards, startPassingLab } from '../processes/lab.ts';
import { untilInterrupted, watchBoards } from '../watch.ts';

export const lab = defineCommand({
  name: 'lab',
  summary: 'Start a hub and boards on this machine, each board a process at its own loopback address.',
  details: ['With --fleet the boards of that fleet are started; without it a passing fleet with new keys.'],
  options: {
    boards: boardIds('how many boards, or which; 2, or all of the fleet, when not given'),
    fleet: text('NAME', 'the fleet whose boards are started'),
    threads: withDefault(wholeNumber('threads of each board', { least: 0, most: 64 }), 1),
    fleets: withDefault(text('DIR', 'the directory of fleet files'), DEFAULT_FLEETS),
  },
  examples: ['flotilla lab --boards 4', 'flotilla lab --fleet lab'],
  async run({ options }, { output, interrupts }) {
    const log = logTo(output, options.verbose);
    const started = await start();
    try {
      await watchBoards(started.hub.messenger, output);
      output.line(`A hub at ${started.hub.controlUrl} and ${started.boards.length} boards. Ctrl-C ends them.`);
      await Promise.race([untilInterrupted(interrupts.gentle), ...started.boards.map((board) => board.died)]);
    } finally {
      await started.close();
    }
    return { report: { hub: started.hub.controlUrl, boards: started.boards.map(({ id }) => id) } };

    async function start() {
      if (options.fleet === undefined) {
        return startPassingLab(options.boards ?? numberedBoards(2), options.threads, log, options.verbose);
      }
      const { fleet, keyring, identity } = await openFleet(options.fleets, options.fleet, 'hub');
      const { address: host, port } = fleet.hub;
      const hub = await startHub({ identity, keyring, host, port, log });
      const known = fleet.boards.map(({ id }) => id);
      const ids = options.boards ?? known;
      const boards = startBoards({
        fleets: options.fleets,
        fleet: options.fleet,
        ids,
        hubUrl: hub.controlUrl,
        threads: options.threads,
      });
      const close = async () => {
        await Promise.all(boards.map((board) => board.stop()));
        await hub.close();
      };
      return { hub, boards, close };
    }
  },
});
