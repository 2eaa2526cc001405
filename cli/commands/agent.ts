import { DEFAULT_PROFILES, startBoard, TELEMETRY_SECONDS } from '../../agent/index.ts';
import { defineCommand } from '../command.ts';
import { DEFAULT_FLEETS, hubUrl, openFleet } from '../fleets.ts';
import { logTo } from '../log.ts';
import { flag, required, text, wholeNumber, withDefault } from '../options/index.ts';
import { readPredictor } from '../predictor/files.ts';
import { HUB_CARRIES_DATA } from '../processes/hub.ts';

export const agent = defineCommand({
  name: 'agent',
  summary: 'Run a board: it connects to the hub and computes what the coordinator gives it.',
  options: {
    fleet: required(text('NAME', 'the fleet that the board belongs to')),
    id: required(text('BOARD', 'which board of the fleet this is')),
    host: withDefault(text('ADDRESS', 'the address at which the other boards reach this one'), '127.0.0.1'),
    port: withDefault(wholeNumber('the port of its own broker; 0 takes any free one', { least: 0, most: 65_535 }), 0),
    threads: withDefault(wholeNumber('threads of one operation; 0 leaves it to the engine', { least: 0, most: 64 }), 0),
    memory: wholeNumber('MB of memory that training may use; all of it when not given', { least: 64 }),
    telemetry: withDefault(
      wholeNumber('seconds between two messages of telemetry; 0 sends none', { least: 0, most: 86_400 }),
      TELEMETRY_SECONDS,
    ),
    profiles: withDefault(text('DIR', 'the directory where the board keeps its profile'), DEFAULT_PROFILES),
    hub: text('URL', "the hub's broker, mqtt://HOST:PORT; as the fleet file says when not given"),
    dataBroker: text('URL', "a broker that carries the data where boards cannot reach each other, or 'hub'"),
    signFrames: flag('sign each frame by itself, instead of tagging frames with keys that two boards agree on'),
    fleets: withDefault(text('DIR', 'the directory of fleet files'), DEFAULT_FLEETS),
    untilStdinCloses: flag('end when standard input closes: for a process that starts boards'),
  },
  examples: ['flotilla agent --fleet lab --id board1 --host 192.168.1.21'],
  async run({ options }, { output, interrupts }) {
    const { fleet, keyring, identity } = await openFleet(options.fleets, options.fleet, options.id);
    const hub = options.hub ?? hubUrl(fleet);
    const { dataBroker } = options;
    const board = await startBoard({
      identity,
      keyring,
      hubUrl: hub,
      ...(dataBroker === undefined ? {} : { dataBroker: dataBroker === HUB_CARRIES_DATA ? hub : dataBroker }),
      host: options.host,
      port: options.port,
      threads: options.threads,
      signsFrames: options.signFrames,
      ...(options.memory === undefined ? {} : { memoryBytes: options.memory * 1e6 }),
      predictor: (await readPredictor()).model,
      profiles: options.profiles,
      telemetry: { seconds: options.telemetry },
      log: logTo(output, options.verbose),
    });
    output.line(`${board.id} is online: its broker listens at ${board.dataUrl}. Ctrl-C ends it.`);
    const closed = Promise.withResolvers<void>();
    const end = () => closed.resolve();
    interrupts.gentle.addEventListener('abort', end, { once: true });
    if (options.untilStdinCloses) process.stdin.on('error', end).on('end', end).on('close', end).resume();
    const failure = await Promise.race([closed.promise, board.ended]);
    await board.close();
    if (failure instanceof Error) throw failure;
    return { report: { board: board.id, dataUrl: board.dataUrl } };
  },
});
