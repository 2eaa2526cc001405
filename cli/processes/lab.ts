import { access, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createFleet, fleetPaths, keyringOf, type Log, renderFleet, writeFleet } from '../../broker/index.ts';
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

/** A lab in which a board that is not there can be started. */
export interface PassingLab extends Lab {
  start(board: string): BoardProcess;
}

/** Where a board is to run, and with how much. */
export interface BoardPlace {
  readonly id: string;
  readonly address: string;
  readonly threads: number;
  /** What it may use; all of the machine's when absent. */
  readonly memoryBytes?: number;
  /** The network namespace that it lives in; ours when absent. */
  readonly namespacePath?: string;
}

/** Places at loopback addresses of their own. */
export function loopbackPlaces(ids: readonly string[], threads: number): readonly BoardPlace[] {
  return ids.map((id, index) => ({ id, threads, address: labAddress(index) }));
}

export interface BoardsOptions {
  /** Directory of the fleet file, and the fleet's name. */
  readonly fleets: string;
  readonly fleet: string;
  readonly places: readonly BoardPlace[];
  readonly hubUrl: string;
  readonly dataBroker?: string | undefined;
  readonly onLine?: (board: string, line: string) => void;
}

/** One process a board. */
export function startBoards({
  fleets,
  fleet,
  places,
  hubUrl,
  dataBroker,
  onLine,
}: BoardsOptions): readonly BoardProcess[] {
  return places.map(({ id, address, threads, memoryBytes, namespacePath }) => {
    // What a board of a lab has measured says nothing of another lab's board of this name.
    const profiles = ['--profiles', join(fleets, 'profiles')];
    const words = ['--fleets', fleets, '--fleet', fleet, '--id', id, '--host', address, '--hub', hubUrl, ...profiles];
    const data = dataBroker === undefined ? [] : ['--data-broker', dataBroker];
    const memory = memoryBytes === undefined ? [] : ['--memory', String(Math.floor(memoryBytes / 1e6))];
    return startBoardProcess({
      id,
      args: [...words, '--threads', String(threads), ...memory, ...data],
      ...(namespacePath === undefined ? {} : { namespacePath }),
      ...(onLine === undefined ? {} : { onLine: (line: string) => onLine(id, line) }),
    });
  });
}

export interface PassingLabOptions {
  readonly places: readonly BoardPlace[];
  /** Boards that are not started with the others. */
  readonly late?: readonly string[];
  /** Where the hub listens; the machine's own loopback address when absent. */
  readonly hubAddress?: string;
  /** A private directory for the keys, which somebody else removes; one that is gone with the lab when absent. */
  readonly directory?: string;
  /** The broker that carries the data, or `hub`; each board's own when absent. */
  readonly dataBroker?: string | undefined;
  readonly log: Log;
  readonly verbose: boolean;
}

/** What the fleet of every lab is called that is gone with its command. */
export const PASSING_FLEET = 'lab';
/** Followed by what makes the name of the directory unique. */
const PASSING_PREFIX = 'flotilla-';

/** The fleets of the passing labs of this machine that this user may look into. One whose hub has ended may be among them. */
export async function passingLabs(
  root = tmpdir(),
): Promise<readonly { readonly fleets: string; readonly name: string }[]> {
  const form = new RegExp(`^${PASSING_PREFIX}[A-Za-z0-9]{6}$`);
  const passing = (await readdir(root)).filter((name) => form.test(name));
  const found = await Promise.all(
    passing.map(async (name) => {
      const fleets = join(root, name);
      const isThere = await access(fleetPaths(fleets, PASSING_FLEET).file).then(
        () => true,
        () => false,
      );
      return isThere ? [{ fleets, name: PASSING_FLEET }] : [];
    }),
  );
  return found.flat();
}

/** A lab of its own for one run, with new keys. */
export async function startPassingLab(options: PassingLabOptions): Promise<PassingLab> {
  const { places, late = [], hubAddress = '127.0.0.1', dataBroker, log, verbose } = options;
  const passing = options.directory === undefined ? await mkdtemp(join(tmpdir(), PASSING_PREFIX)) : undefined;
  const directory = options.directory ?? passing!;
  const undo: (() => Promise<unknown>)[] = [];
  if (passing !== undefined) undo.push(() => rm(passing, { recursive: true, force: true }));
  const close = async () => {
    for (const act of undo.splice(0).reverse()) await act();
  };
  try {
    const created = createFleet({ name: PASSING_FLEET, boards: places.map(({ id }) => id) });
    const keyring = keyringOf(created.fleet);
    const identity = created.identities.get('hub')!;
    const hub = await startHub({ identity, keyring, host: hubAddress, port: 0, dataBroker, log });
    undo.push(() => hub.close());
    // With the hub's real port, so that somebody else may watch.
    const place = { address: hubAddress, port: Number(new URL(hub.controlUrl).port) };
    const fleet = { ...created.fleet, hub: { ...created.fleet.hub, ...place } };
    await writeFleet(directory, { ...created, fleet, yaml: renderFleet(fleet) });
    const boards = new Map<string, BoardProcess>();
    const start = (wanted: readonly BoardPlace[]) => {
      const onLine = verbose
        ? { onLine: (board: string, line: string) => process.stderr.write(`${board}: ${line}\n`) }
        : {};
      const common = { fleets: directory, fleet: PASSING_FLEET, hubUrl: hub.controlUrl, dataBroker, ...onLine };
      for (const board of startBoards({ ...common, places: wanted })) boards.set(board.id, board);
    };
    start(places.filter(({ id }) => !late.includes(id)));
    undo.push(() => Promise.all([...boards.values()].map((board) => board.stop())));
    return {
      hub,
      boards: [...boards.values()],
      start(id) {
        start(places.filter((place) => place.id === id));
        return boards.get(id)!;
      },
      lastWords: async (id) => boards.get(id)?.lastWords(),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
