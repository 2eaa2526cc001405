import { silent } from '../../broker/index.ts';
import { type Context, defineCommand } from '../command.ts';
import { logTo } from '../log.ts';
import { flag } from '../options/index.ts';
import type { Output } from '../output.ts';
import { untilInterrupted } from '../watch.ts';
import type { FleetPlace } from '../watching/find.ts';
import { firstLook } from '../watching/first-look.ts';
import { linePrinter } from '../watching/line-printer.ts';
import { picture } from '../watching/picture.ts';
import { enterFleet, watchOptions } from '../watching/place.ts';
import { viewReport } from '../watching/report.ts';
import { startWatching, type WatchSession } from '../watching/session.ts';

const REDRAW_MILLISECONDS = 500;
/** Where a picture is not cut to a terminal. */
const UNBOUNDED = 1_000;

export const watch = defineCommand({
  name: 'watch',
  summary: 'Watch a fleet: boards, stages, busy time, temperatures, loss and events.',
  details: [
    'On a terminal it draws one picture and keeps it up to date; elsewhere it prints a line for each thing that happens. ' +
      'Ctrl-C ends it, and disturbs nobody: whoever watches may publish nothing.',
    'Without --fleet it finds the fleet or the lab that runs on this machine, also one that `flotilla train --boards N` ' +
      'has started for its run.',
  ],
  options: { ...watchOptions, once: flag('print one picture and end') },
  examples: ['flotilla watch', 'flotilla watch --fleet lab', 'flotilla watch --fleet lab --once'],
  async run({ options }, context) {
    const entered = await enterFleet(options, context);
    if ('outcome' in entered) return entered.outcome;
    const { isTerminal } = context.output;
    const look = options.once ? lookOnce : isTerminal ? paintScreen : printLines;
    const session = await look(entered.place, options, context);
    return { report: viewReport(session.fleet, session.view, Date.now()) };
  },
});

/** Looks until the end, and gives back a session that is closed. */
type Look = (
  place: FleetPlace,
  options: { readonly hub: string | undefined; readonly verbose: boolean },
  context: Context,
) => Promise<WatchSession>;

const lookOnce: Look = async (place, { hub, verbose }, { output, interrupts: { gentle: signal } }) => {
  const session = await startWatching(place, { hub, log: logTo(output, verbose), signal });
  try {
    await firstLook(signal);
  } finally {
    await session.close();
  }
  printPicture(session, output);
  return session;
};

const paintScreen: Look = async (place, { hub }, { output, interrupts: { gentle: signal } }) => {
  // The picture says by itself what a warning would say across it.
  const session = await startWatching(place, { hub, log: silent, signal });
  const paint = (): void => output.picture(pictureOf(session, output.columns, output.rows));
  // Not only when something is heard: ages grow.
  const timer = setInterval(paint, REDRAW_MILLISECONDS);
  try {
    paint();
    await untilEnded(session, signal);
  } finally {
    clearInterval(timer);
    output.picture([]);
    await session.close();
  }
  // What was shown last stays on the terminal.
  printPicture(session, output);
  return session;
};

const printLines: Look = async (place, { hub, verbose }, { output, interrupts: { gentle: signal } }) => {
  const log = logTo(output, verbose);
  const session = await startWatching(place, { hub, log, signal, onSeen: linePrinter(output) });
  try {
    await untilEnded(session, signal);
  } finally {
    await session.close();
  }
  return session;
};

async function untilEnded({ ended }: WatchSession, signal: AbortSignal): Promise<void> {
  const error = await Promise.race([untilInterrupted(signal), ended]);
  if (error instanceof Error) throw error;
}

function pictureOf({ view, fleet, url, awaySince }: WatchSession, columns: number, rows: number): readonly string[] {
  return picture(view, { fleet, url, awaySince, now: Date.now(), columns, rows });
}

function printPicture(session: WatchSession, output: Output): void {
  const columns = output.isTerminal ? output.columns : UNBOUNDED;
  for (const line of pictureOf(session, columns, UNBOUNDED)) output.line(line);
}
