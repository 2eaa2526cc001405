import { connectClient, type DeviceService } from '../../broker/index.ts';
import { type Context, defineCommand, type Outcome } from '../command.ts';
import { BoardAtWorkError, UsageError } from '../errors.ts';
import { DEFAULT_FLEETS, hubUrl, openFleet } from '../fleets.ts';
import { logTo } from '../log.ts';
import { required, text, wholeNumber, withDefault } from '../options/index.ts';
import { untilIdle } from '../work.ts';

/** A change of plan may be prepared for 120 s, come to nothing, and be made the other way in as long. [docs/recovery.md] */
const PATIENCE_SECONDS = 300;

const board = { name: 'BOARD', about: 'the id of a board of the fleet' };
const fleetOptions = {
  fleet: required(text('NAME', 'the fleet that the board belongs to')),
  fleets: withDefault(text('DIR', 'the directory of fleet files'), DEFAULT_FLEETS),
};

export const drain = defineCommand({
  name: 'drain',
  summary: 'Take the work from a board before it is switched off; runs go on without it.',
  details: ['Ends when no run uses the board any more. It stays online, and gets no work until `flotilla undrain`.'],
  arguments: [board],
  options: {
    ...fleetOptions,
    reason: withDefault(text('TEXT', 'why, for those who watch'), 'asked for'),
    patience: withDefault(wholeNumber('seconds that it may take to give its work away'), PATIENCE_SECONDS),
  },
  examples: ['flotilla drain board2 --fleet lab'],
  async run({ options, arguments: [id] }, context) {
    const message: DeviceService = { kind: 'drained', board: id!, reason: options.reason };
    return tellBoard(message, { ...options, patience: options.patience }, context);
  },
});

export const undrain = defineCommand({
  name: 'undrain',
  summary: 'Let a drained board have work again.',
  arguments: [board],
  options: fleetOptions,
  examples: ['flotilla undrain board2 --fleet lab'],
  run: ({ options, arguments: [id] }, context) => tellBoard({ kind: 'serving', board: id! }, options, context),
});

interface Where {
  readonly fleet: string;
  readonly fleets: string;
  readonly verbose: boolean;
  /** Seconds to wait for the board to be without work; it is not waited for when absent. */
  readonly patience?: number;
}

/** @throws BoardAtWorkError where a run still uses the board after the patience */
async function tellBoard(message: DeviceService, where: Where, { output, interrupts }: Context): Promise<Outcome> {
  const { fleet, keyring, identity } = await openFleet(where.fleets, where.fleet, 'hub');
  const id = message.board;
  const known = fleet.boards.map((other) => other.id);
  if (!known.includes(id)) {
    throw new UsageError(
      'BOARD_UNKNOWN',
      `fleet '${fleet.name}' has no board '${id}': choose one of ${known.join(', ')}.`,
    );
  }
  const log = logTo(output, where.verbose);
  const signal = interrupts.gentle;
  const client = await connectClient({ url: hubUrl(fleet), identity, keyring, log, purpose: 'drain', signal });
  try {
    await client.publish('deviceService', { id }, message, signal);
    if (where.patience !== undefined) {
      const tell = (run: string) =>
        output.line(`${id} works for run ${run}: waiting until it has given its work away.`);
      const busy = await untilIdle(client, id, where.patience, tell, signal);
      if (busy !== undefined) throw new BoardAtWorkError(id, busy, where.patience);
    }
  } finally {
    await client.close();
  }
  output.line(message.kind === 'drained' ? `${id} has no work and may be switched off.` : `${id} may have work again.`);
  return { report: { board: id, service: message.kind } };
}
