import { defineCommand } from '../command.ts';
import { logTo } from '../log.ts';
import { devicesTable } from '../watching/devices-table.ts';
import { firstLook } from '../watching/first-look.ts';
import { enterFleet, watchOptions } from '../watching/place.ts';
import { boardReport } from '../watching/report.ts';
import { startWatching } from '../watching/session.ts';

export const devices = defineCommand({
  name: 'devices',
  summary: 'List the boards of a fleet: how they are, what they are, and what they hold.',
  details: [
    'Looks at what the hub knows now and ends; `flotilla watch` goes on looking. A board that was never there since the ' +
      'hub was started is listed as not seen.',
  ],
  options: watchOptions,
  examples: ['flotilla devices', 'flotilla devices --fleet lab --json'],
  async run({ options }, context) {
    const entered = await enterFleet(options, context);
    if ('outcome' in entered) return entered.outcome;
    const { output, interrupts } = context;
    const signal = interrupts.gentle;
    const log = logTo(output, options.verbose);
    const session = await startWatching(entered.place, { hub: options.hub, log, signal });
    try {
      await firstLook(signal);
    } finally {
      await session.close();
    }
    const { fleet, view } = session;
    const now = Date.now();
    for (const line of devicesTable(view, now)) output.line(line);
    return { report: { fleet, boards: [...view.boards.values()].map((board) => boardReport(board, now)) } };
  },
});
