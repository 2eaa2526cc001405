import { freePort, type Running, startFlotilla } from './helpers.ts';

/** A fleet of real processes: a hub, its boards at loopback addresses of their own, and whatever else is started. */
export interface RealFleet {
  readonly boards: readonly string[];
  /** Any command of the program, in the fleet's directory. */
  start(...words: string[]): Running;
  /** The board's process, started anew where it has ended; resolves when it is online. */
  startBoard(board: string): Promise<Running>;
  startHub(): Promise<Running>;
  /** Ends all that was started, and waits for it. */
  close(): Promise<void>;
}

export async function startFleet(cwd: string, size: number, deadlineMilliseconds = 170_000): Promise<RealFleet> {
  const started: Running[] = [];
  const start = (...words: string[]): Running => {
    const running = startFlotilla(words, { cwd, deadlineMilliseconds });
    started.push(running);
    return running;
  };
  const fleet: RealFleet = {
    boards: Array.from({ length: size }, (_, index) => `board${index + 1}`),
    start,
    async startBoard(board) {
      const host = `127.0.0.${Number(board.slice('board'.length)) + 1}`;
      const running = start('agent', '--fleet', 'shed', '--id', board, '--host', host);
      await running.said(/is online/);
      return running;
    },
    async startHub() {
      const running = start('hub', '--fleet', 'shed');
      await running.said(/listens at/);
      return running;
    },
    async close() {
      for (const running of started) running.kill('SIGKILL');
      await Promise.all(started.map(({ ended }) => ended));
    },
  };
  try {
    await start('fleet', 'init', 'shed', '--boards', `${size}`, '--hub', `127.0.0.1:${await freePort()}`).ended;
    return fleet;
  } catch (error) {
    await fleet.close();
    throw error;
  }
}
