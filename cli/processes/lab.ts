import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createFleet, keyringOf, type Log, writeFleet } from '../../broker/index.ts';
import { labAddress } from '../fleets.ts';
import { type BoardProcess, startBoardProcess } from './board-process.ts';
import { type Hub, startHub } from './hub.ts';

/** Boards emulated on this machine: a hub in this process, and one process a board. */
export interface Lab {
  readonly hub: Hub;
  readonly boards: readonly BoardProcess[];
  lastWords(board: string): Promise<string | undefined>;
  close(): Promise<void>;
}

export interface BoardsOptions {
  /** Directory of the fleet file, and the fleet's name. */
  readonly fleets: string;
  readonly fleet: string;
  readonly ids: readonly string[];
  readonly hubUrl: string;
  readonly threads: number;
  readonly onLine?: (board: string, line: string) => void;
}

/** One process a board, each at its own loopback address. */
export function startBoards({ fleets, fleet, ids, hubUrl, threads, onLine }: BoardsOptions): readonly BoardProcess[] {
  return ids.map((id, index) => {
    const words = ['--fleets', fleets, '--fleet', fleet, '--id', id, '--host', labAddress(index), '--hub', hubUrl];
    return startBoardProcess({
      id,
      args: [...words, '--threads', String(threads)],
      ...(onLine === undefined ? {} : { onLine: (line: string) => onLine(id, line) }),
    });
  });
}

/** A lab of its own for one run: new keys in a private directory that is gone afterwards. */
export async function startPassingLab(
  ids: readonly string[],
  threads: number,
  log: Log,
  verbose: boolean,
): Promise<Lab> {
  const directory = await mkdtemp(join(tmpdir(), 'flotilla-'));
  const undo: (() => Promise<unknown>)[] = [() => rm(directory, { recursive: true, force: true })];
  const close = async () => {
    for (const act of undo.splice(0).reverse()) await act();
  };
  try {
    const created = createFleet({ name: 'lab', boards: ids });
    await writeFleet(directory, created);
    const keyring = keyringOf(created.fleet);
    const identity = created.identities.get('hub')!;
    const hub = await startHub({ identity, keyring, host: '127.0.0.1', port: 0, log });
    undo.push(() => hub.close());
    const boards = startBoards({
      fleets: directory,
      fleet: 'lab',
      ids,
      hubUrl: hub.controlUrl,
      threads,
      ...(verbose ? { onLine: (board, line) => process.stderr.write(`${board}: ${line}\n`) } : {}),
    });
    undo.push(() => Promise.all(boards.map((board) => board.stop())));
    return { hub, boards, lastWords: async (id) => boards.find((board) => board.id === id)?.lastWords(), close };
  } catch (error) {
    await close();
    throw error;
  }
}
