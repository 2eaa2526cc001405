/** Where a command's words go. With `--json` all but the one JSON line at the end goes to standard error. */
export interface Output {
  /** A line for people. */
  line(text?: string): void;
  /** A line of warning; always on standard error. */
  warn(text: string): void;
  /** A line that the next one replaces on a terminal; nothing elsewhere. '' takes it away. */
  status(text: string): void;
  /** Whether `status` shows anything. */
  readonly isTerminal: boolean;
  readonly columns: number;
  /** The report of a command, as one line. */
  json(value: unknown): void;
}

export interface Stream {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

const ERASE_LINE = '\r\x1b[K';

export function createOutput(stdout: Stream, stderr: Stream, { json }: { readonly json: boolean }): Output {
  const people = json ? stderr : stdout;
  const isTerminal = people.isTTY === true;
  let shown = '';
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
    line: (text = '') => print(people, text),
    warn: (text) => print(stderr, text),
    status(text) {
      if (!isTerminal || (text === '' && shown === '')) return;
      shown = text;
      people.write(`${ERASE_LINE}${text}`);
    },
    json: (value) => print(stdout, JSON.stringify(value)),
  };
}
