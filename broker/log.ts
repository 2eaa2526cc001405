/** One thing worth a line of log; `event` is a stable word, the rest is detail. */
export interface LogEvent {
  readonly level: 'info' | 'warn';
  readonly event: string;
  readonly detail: Readonly<Record<string, string | number | boolean>>;
}

/** Where events go; injected, so that nothing here chooses a destination. */
export type Log = (event: LogEvent) => void;

/** Drops every event. */
export const silent: Log = () => {};
