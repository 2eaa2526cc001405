/** What a failure is called in a report to the coordinator. */
export interface ReportedError {
  readonly code: string;
  readonly message: string;
}

const mostCodeCharacters = 64;
const mostMessageCharacters = 4_000;

export function reportedError(error: unknown): ReportedError {
  const { code, message } = error as { code?: unknown; message?: unknown };
  return {
    code: (typeof code === 'string' ? code : 'UNEXPECTED').slice(0, mostCodeCharacters),
    message: String(message ?? error)
      .toWellFormed()
      .slice(0, mostMessageCharacters),
  };
}
