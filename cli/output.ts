/** Where a command's words go. With `--json` all but the one JSON line at the end goes to standard error. */
export interface Output {
  /** A line for people. */
  line(text?: string): void;
  /** A line of warning; always on standard error. */
  warn(text: string): void;
  /** A line that the next one replaces on a terminal; nothing elsewhere. '' takes it away. */
  status(text: string): void;
  /** The whole screen of a terminal, until the next picture; [] gives the screen back. Nothing elsewhere. */
  picture(lines: readonly string[]): void;
  /** Whether `status` and `picture` show anything. */
  readonly isTerminal: boolean;
  readonly columns: number;
  readonly rows: number;
  /** The report of a command, as one line. */
  json(value: unknown): void;
}

export interface Stream {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
}

const OTHER_SCREEN = '\x1b[?1049h\x1b[?25l';
const OWN_SCREEN = '\x1b[?25h\x1b[?1049l';
const HOME = '\x1b[H';
const ERASE_BELOW = '\x1b[J';
const ERASE_REST = '\x1b[K';
const ERASE_LINE = '\r\x1b[K';

export function createOutput(stdout: Stream, stderr: Stream, { json }: { readonly json: boolean }): Output {
  const people = json ? stderr : stdout;
  const isTerminal = people.isTTY === true;
  let shown = '';
  let isPictured = false;
  const print = (stream: Stream, text: string): void => {
    const status = shown;
    if (status !== '') people.write(ERASE_LINE);
    stream.write(`${text}\n`);
    if (status !== '') people.write(status);
  };
  return {
    isTerminal,
    get columns() {
      return people.columns ?? 80;
    },
    get rows() {
      return people.rows ?? 24;
    },
    line: (text = '') => print(people, text),
    warn: (text) => print(stderr, text),
    status(text) {
      if (!isTerminal || (text === '' && shown === '')) return;
      shown = text;
      people.write(`${ERASE_LINE}${text}`);
    },
    picture(lines) {
      if (!isTerminal || (lines.length === 0 && !isPictured)) return;
      if (lines.length === 0) people.write(OWN_SCREEN);
      else {
        const text = lines.map((line) => `${line}${ERASE_REST}`).join('\r\n');
        people.write(`${isPictured ? '' : OTHER_SCREEN}${HOME}${text}${ERASE_BELOW}`);
      }
      isPictured = lines.length > 0;
    },
    json: (value) => print(stdout, JSON.stringify(value)),
  };
}
