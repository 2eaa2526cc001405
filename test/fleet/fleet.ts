import { freePort, patienceMilliseconds, type Running, startFlotilla } from './helpers.ts';

/** A fleet of real processes: a hub, its boards at loopback addresses of their own, and whatever else is started. */
export interface RealFleet {
  /** Where its file and keys lie, and where its commands are started. */
  readonly directory: string;
  readonly boards: readonly string[];
  /** Any command of the program, in the fleet's directory and where the hub is. */
  start(...words: string[]): Running;
  /** The board's process, started anew where it has ended; resolves when it is online. */
  startBoard(board: string): Promise<Running>;
  startHub(...words: string[]): Promise<Running>;
  /** Ends all that was started, and waits for it. */
  close(): Promise<void>;
}

/** Where a process of the fleet lives. */
export interface Place {
  readonly address: string;
  readonly namespacePath?: string | undefined;
}

/** The hub's place and the boards'; loopback addresses where nothing is said. */
export interface Places {
  readonly hub: Place;
  readonly boards: readonly Place[];
}

export function loopback(size: number): Places {
  const boards = Array.from({ length: size }, (_, index) => ({ address: `127.0.0.${index + 2}` }));
  return { hub: { address: '127.0.0.1' }, boards };
}

export async function startFleet(
  cwd: string,
  size: number,
  deadlineMilliseconds = patienceMilliseconds,
  places: Places = loopback(size),
): Promise<RealFleet> {
  const started: Running[] = [];
  const startAt = ({ namespacePath }: Place, words: readonly string[]): Running => {
    const running = startFlotilla(words, { cwd, deadlineMilliseconds, namespacePath });
    started.push(running);
    return running;
  };
  const start = (...words: string[]): Running => startAt(places.hub, words);
  const fleet: RealFleet = {
    directory: cwd,
    boards: Array.from({ length: size }, (_, index) => `board${index + 1}`),
    start,
    async startBoard(board) {
      const place = places.boards[Number(board.slice('board'.length)) - 1]!;
      // One thread, as in a passing lab: the engine adds in another order with more, and rounds otherwise.
      const words = ['--fleet', 'shed', '--id', board, '--host', place.address, '--threads', '1'];
      const running = startAt(place, ['agent', ...words]);
      await running.said(/is online/);
      return running;
    },
    async startHub(...words) {
      const running = start('hub', '--fleet', 'shed', ...words);
      await running.said(/listens at/);
      return running;
    },
    async close() {
      for (const running of started) running.kill('SIGKILL');
      await Promise.all(started.map(({ ended }) => ended));
    },
  };
  try {
    await start('fleet', 'init', 'shed', '--boards', `${size}`, '--hub', `${places.hub.address}:${await freePort()}`)
      .ended;
    return fleet;
  } catch (error) {
    await fleet.close();
    throw error;
  }
}
