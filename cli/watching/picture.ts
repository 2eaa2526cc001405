import { type BoardView, type FleetView, latestRuns, type RunView, standing } from '../../dashboard/index.ts';
import { duration } from '../../planner/index.ts';
import { formatDuration } from '../train/progress.ts';
import { eventWords, shortStage, stateWord, temperatureWord, throttleWord } from './board-words.ts';
import { age, busyBar, shortened, sparkline, table, timeOfDay } from './cells.ts';

export interface PictureOptions {
  readonly fleet: string;
  /** The hub's broker. */
  readonly url: string;
  /** Since when the hub cannot be reached; undefined while it can. */
  readonly awaySince: number | undefined;
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly columns: number;
  /** Lines at most. */
  readonly rows: number;
}

const LEAST_EVENTS = 3;
const BAR = 16;
const SPARKLINE = 40;
/** A run of which nothing was heard for so long may hang, or its process may be gone. */
const QUIET_MILLISECONDS = 5_000;

/** Everything on one screen: the fleet, its runs, its boards, the links, and as many of the latest events as fit. Pure. */
export function picture(view: FleetView, options: PictureOptions): readonly string[] {
  const { rows, columns, now } = options;
  const runs = latestRuns(view);
  const above = [heading(view, options), ...runs.flatMap((run) => ['', ...runLines(run, now)])];
  const boards = ['', ...boardLines(view, runs, now)];
  const links = runs.flatMap((run) => linkLines(run));
  const needed = above.length + boards.length + 2 + LEAST_EVENTS;
  const shown = links.length > 0 && needed + links.length + 1 <= rows ? ['', ...links] : [];
  const left = rows - above.length - boards.length - shown.length - 2;
  const events = view.events.slice(-Math.max(LEAST_EVENTS, left)).map(eventLine);
  const lines = [...above, ...boards, ...shown, ...(events.length > 0 ? ['', 'events', ...events] : [])];
  return lines.slice(0, rows).map((line) => shortened(line, columns));
}

function heading({ boards }: FleetView, { fleet, url, awaySince, now }: PictureOptions): string {
  const online = [...boards.values()].filter((board) => standing(board, now) === 'online').length;
  const away = awaySince === undefined ? '' : ` · the hub cannot be reached for ${age(awaySince, now)}`;
  return `fleet ${fleet} · ${url} · ${timeOfDay(now)} · ${online} of ${boards.size} boards online${away}`;
}

function runLines({ run, phase, term, reason, plan, metrics, losses, saidAt }: RunView, now: number): string[] {
  const words = [
    `run ${run}`,
    plan?.model.name,
    term > 0 ? `plan ${term}` : undefined,
    phase ?? 'no word of its state',
  ];
  const heard = now - saidAt > QUIET_MILLISECONDS ? [`last heard of ${age(saidAt, now)} ago`] : [];
  const first = [...words, ...heard].filter((word) => word !== undefined).join(' · ');
  const lines = [first, ...progressLines({ metrics, phase })];
  if (reason !== undefined) lines.push(`it waits: ${reason}`);
  if (losses.length > 0) lines.push(lossLine(losses));
  return lines;
}

function progressLines({ metrics, phase }: Pick<RunView, 'metrics' | 'phase'>): readonly string[] {
  if (metrics === undefined) return [];
  const { step, steps, seconds, samplesPerSecond, secondsLeft } = metrics;
  const done = `step ${step + 1} of ${steps}`;
  if (phase !== 'training') return [done];
  const speed = `${duration(seconds)} a step · ${samplesPerSecond.toFixed(0)} samples/s`;
  return [`${done} · ${speed} · ${formatDuration(secondsLeft)} left`];
}

function lossLine(losses: RunView['losses']): string {
  const values = losses.map(({ loss }) => loss);
  const last = values.at(-1)!;
  const span = `steps ${losses[0]!.step + 1} to ${losses.at(-1)!.step + 1}`;
  if (values.length === 1) return `loss ${last.toFixed(4)}`;
  return `loss ${last.toFixed(4)}  ${sparkline(values, SPARKLINE)}  from ${values[0]!.toFixed(4)}, ${span}`;
}

function boardLines({ boards }: FleetView, runs: readonly RunView[], now: number): readonly string[] {
  const training = runs.filter(({ phase }) => phase === 'training');
  const busy = new Map(training.flatMap(({ metrics }) => (metrics?.boards ?? []).map((one) => [one.board, one])));
  const header = ['board', 'state', 'temp', 'stage', 'does', busy.size === 0 ? '' : 'latest step'];
  const rows = [...boards.values()].map((board) => {
    const did = busy.get(board.id);
    return [board.id, stateWord(board, now), heat(board), ...shortStage(board, now), did ? busyCell(did) : ''];
  });
  const legend = busy.size === 0 ? [] : ['█ computes  ▓ its runtime  ░ waits'];
  return [...table([header, ...rows]), ...legend];
}

/** `48 °C`, `81 °C throttled`. */
function heat(board: BoardView): string {
  const [temperature, throttled] = [temperatureWord(board), throttleWord(board)];
  return throttled === '–' || throttled === 'no' ? temperature : `${temperature} ${throttled}`;
}

type BoardMetrics = NonNullable<RunView['metrics']>['boards'][number];

function busyCell({ computeSeconds, wallSeconds, busyShare }: BoardMetrics): string {
  return `${busyBar(computeSeconds / wallSeconds, busyShare, BAR)}  busy ${Math.round(100 * busyShare)} %`;
}

function linkLines({ phase, metrics }: RunView): readonly string[] {
  if (phase !== 'training' || metrics === undefined || metrics.links.length === 0) return [];
  const rows = metrics.links.map(({ from, to, bytes, relativeError }) => [
    `${from} → ${to}`,
    `${(bytes / 1e6).toFixed(3)} MB`,
    relativeError === undefined ? '–' : relativeError.toPrecision(2),
  ]);
  return table([['link', 'a step', 'error of encoding'], ...rows]);
}

function eventLine(event: FleetView['events'][number]): string {
  return `${timeOfDay(event.at)}  ${event.about}  ${eventWords(event)}`;
}
