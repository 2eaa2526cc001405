import { defineCommand } from '../command.ts';
import { boardIds, numberedBoards } from '../fleet-options.ts';
import { DEFAULT_FLEETS, openFleet } from '../fleets.ts';
import { enterScenario, formatUses, type Inside, ScenarioError, startScenarioLab } from '../lab/index.ts';
import { logTo } from '../log.ts';
import { text, wholeNumber, withDefault } from '../options/index.ts';
import { startHub } from '../processes/hub.ts';
import { loopbackPlaces, startBoards, startPassingLab } from '../processes/lab.ts';
import { keepRuns, registerOf } from '../runs/index.ts';
import { untilInterrupted, watchBoards } from '../watch.ts';

export const lab = defineCommand({
  name: 'lab',
  summary: 'Start a hub and boards on this machine, each board a process at its own loopback address.',
  details: [
    'With --fleet the boards of that fleet are started; without it a passing fleet with new keys.',
    'With --scenario the boards are truly unequal: each has the share of a core, the memory and the network that the ' +
      'file says (docs/lab.md). What a killed lab has left is removed by `flotilla lab clean`.',
  ],
  options: {
    boards: boardIds('how many boards, or which; 2, or all of the fleet, when not given'),
    scenario: text('FILE', 'emulate the boards and the network that this file describes'),
    fleet: text('NAME', 'the fleet whose boards are started'),
    threads: withDefault(wholeNumber('threads of each board', { least: 0, most: 64 }), 1),
    fleets: withDefault(text('DIR', 'the directory of fleet files'), DEFAULT_FLEETS),
  },
  examples: ['flotilla lab --boards 4', 'flotilla lab --fleet lab', 'flotilla lab --scenario uneven.yaml'],
  async run({ options, given }, context) {
    const { output, interrupts } = context;
    const entered = options.scenario === undefined ? undefined : await enterScenario(options.scenario, given, context);
    if (entered !== undefined && 'outcome' in entered) return entered.outcome;
    if (entered !== undefined) checkMoments(options.scenario!, entered.inside);
    const log = logTo(output, options.verbose);
    const started = entered === undefined ? await start() : await startScenario(entered.inside);
    try {
      await watchBoards(started.hub.messenger, output);
      output.line(`A hub at ${started.hub.controlUrl} and ${started.boards.length} boards. Ctrl-C ends them.`);
      await Promise.race([untilInterrupted(interrupts.gentle), ...started.boards.map((board) => board.died)]);
    } finally {
      await started.close();
    }
    return { report: { hub: started.hub.controlUrl, boards: started.boards.map(({ id }) => id) } };

    /** A lab that says, before it ends, what its boards have used. */
    async function startScenario(inside: Inside) {
      const say = (line: string) => output.line(line);
      const emulated = await startScenarioLab(inside, { log, verbose: options.verbose, say });
      const close = async () => {
        for (const line of formatUses(await emulated.uses())) output.line(line);
        await emulated.close();
      };
      return { ...emulated, close };
    }

    async function start() {
      if (options.fleet === undefined) {
        const places = loopbackPlaces(options.boards ?? numberedBoards(2), options.threads);
        return startPassingLab({ places, log, verbose: options.verbose });
      }
      const { fleet, keyring, identity, paths } = await openFleet(options.fleets, options.fleet, 'hub');
      const { address: host, port } = fleet.hub;
      const { viewer } = fleet;
      const hub = await startHub({ identity, keyring, host, port, drainedFile: paths.drained, viewer, log });
      const known = fleet.boards.map(({ id }) => id);
      const boards = startBoards({
        fleets: options.fleets,
        fleet: options.fleet,
        places: loopbackPlaces(options.boards ?? known, options.threads),
        hubUrl: hub.controlUrl,
      });
      const keeper = keepRuns({
        register: registerOf(options.fleets, fleet.name),
        say: (line) => output.line(line),
      });
      const close = async () => {
        await keeper.close();
        await Promise.all(boards.map((board) => board.stop()));
        await hub.close();
      };
      return { hub, boards, close };
    }
  },
});

/** A lab that stands by itself trains nothing. @throws ScenarioError */
function checkMoments(file: string, { description: { events } }: Inside): void {
  const counted = events.find(({ after }) => !('seconds' in after));
  if (counted === undefined) return;
  const problem = `the event "${counted.event}" of ${counted.board} is counted by steps or from the first one, which only \`flotilla train\` does: give seconds`;
  throw new ScenarioError(file, 0, 'events', problem);
}
