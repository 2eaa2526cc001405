import { spawnSync } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import type { Group } from '../../../cli/lab/cgroup/index.ts';
import { makeLabDirectory } from '../../../cli/lab/directory.ts';
import { makeGround } from '../../../cli/lab/ground.ts';
import { namespacePath, type Relay } from '../../../cli/lab/network/index.ts';
import { parseScenario } from '../../../cli/lab/scenario/index.ts';
import { whyNoMemoryLimit, whyNoNetwork } from '../../cli/lab/support.ts';
import { loopback, type Places } from '../fleet.ts';
import { diskOf, labsOf } from './remains.ts';

/** What a fault needs of the machine. */
export type Need = 'network' | 'memory' | 'disk';

/** What the processes of a fleet stand on, with the handles by which faults get at it. */
export interface Ground {
  readonly places: Places;
  /** By board, in their order. */
  readonly wires: readonly { readonly namespace: string; readonly address: string }[];
  readonly relay: Relay | undefined;
  readonly groups: readonly Group[];
  /** Where runs are written; a small disk of its own where that can be. */
  readonly disk: string;
  /** Why something cannot be had here. */
  readonly missing: ReadonlyMap<Need, string>;
}

/** More than a board of these runs takes, by far. */
const MEMORY_MB = 2000;
const DISK_MB = 96;

/** Namespaces on the lab's relay, control groups, and a disk in memory: as far as the rights go. `removeScene` removes them. */
export async function prepareGround(cwd: string, size: number): Promise<Ground> {
  const missing = new Map<Need, string>();
  const note = (need: Need, why: string | undefined): void => void (why !== undefined && missing.set(need, why));
  note('network', await whyNoNetwork());
  note('memory', await whyNoMemoryLimit());
  const disk = await mountDisk(cwd, (why) => note('disk', why));
  const network = missing.has('network') ? '' : 'link: { delay: 200 us }\n';
  const memory = missing.has('memory') ? '' : `, memory: ${MEMORY_MB} MB`;
  const names = Array.from({ length: size }, (_, index) => `board${index + 1}`);
  const scenario = `${network}boards:\n${names.map((name) => `  - { name: ${name}${memory} }\n`).join('')}`;
  const directory = await makeLabDirectory(labsOf(cwd));
  const plain = loopback(size);
  const needs = {
    directory,
    signal: new AbortController().signal,
    loopbackAddress: (index: number) => plain.boards[index]!.address,
  };
  const { description, network: made } = await makeGround(parseScenario(scenario, 'chaos.yaml'), needs);
  const placeOf = (address: string, namespace: string | undefined) => ({
    address,
    namespacePath: namespace === undefined ? undefined : namespacePath(namespace),
  });
  return {
    places: {
      hub: placeOf(description.hubAddress, description.hubNamespace),
      boards: description.boards.map(({ address, namespace }) => placeOf(address, namespace)),
    },
    wires: description.boards.flatMap(({ namespace, address }) =>
      namespace === undefined ? [] : [{ namespace, address }],
    ),
    relay: made?.relay,
    groups: description.boards.flatMap(({ group }) => group ?? []),
    disk,
    missing,
  };
}

async function mountDisk(cwd: string, note: (why: string) => void): Promise<string> {
  const disk = diskOf(cwd);
  await mkdir(disk);
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_MB}m`, 'tmpfs', disk]).status === 0;
  if (!mounted) note('skipped: no right to mount a small disk');
  return disk;
}
