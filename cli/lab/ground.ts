import { findParents, makeGroup, type Parents, planGroup } from './cgroup/index.ts';
import { type LabBoard, type LabDescription, namespacesOf } from './description.ts';
import { type LabDirectory, recordProcess, writeDescription } from './directory.ts';
import { LabUnsupportedError } from './errors.ts';
import { boardAddress, HUB_ADDRESS, makeNetwork, type Network, type Station, wireOf } from './network/index.ts';
import { asksForNetwork, type Scenario, type ScenarioBoard } from './scenario/index.ts';

/** What boards are put on: control groups and a network, as far as the rights go and the scenario asks. */
export interface Ground {
  readonly description: LabDescription;
  readonly network?: Network;
  /** In words, for the person who started the lab. */
  readonly words: readonly string[];
}

export interface GroundNeeds {
  readonly directory: LabDirectory;
  /** Of a board where there is no network: a loopback address. */
  readonly loopbackAddress: (index: number) => string;
  readonly signal: AbortSignal;
  /** Where groups may be made; looked up when absent. */
  readonly parents?: Parents;
}

/**
 * Describes the lab in its directory, and then makes it. What has been made when something fails is removed by
 * `removeLab`, which is the caller's to call. @throws LabUnsupportedError, LabToolError, ControlGroupError
 */
export async function makeGround(scenario: Scenario, needs: GroundNeeds): Promise<Ground> {
  const { directory, signal } = needs;
  if (process.platform !== 'linux') {
    throw new LabUnsupportedError('unequal boards', `this is ${process.platform}`, 'a scenario needs Linux');
  }
  const networked = asksForNetwork(scenario);
  if (networked && process.getuid?.() !== 0) {
    const why = 'only root may make network namespaces';
    throw new LabUnsupportedError('links', why, 'run this as root, or leave `link` out of the scenario');
  }
  const parents = needs.parents ?? (await findParents());
  const description = describe(scenario, networked, parents, needs);
  await writeDescription(directory.path, description);
  for (const [index, { group }] of description.boards.entries()) {
    if (group !== undefined) await makeGroup(group, scenario.boards[index]!);
  }
  if (!networked) return { description, words: wordsFor(scenario, description, undefined) };
  const network = await makeNetwork(...stationsOf(scenario, description), signal);
  if (network.relay !== undefined) await recordProcess(directory.path, network.relay.pid);
  return { description, network, words: wordsFor(scenario, description, network) };
}

function describe(
  { boards, events }: Scenario,
  networked: boolean,
  parents: Parents,
  { directory: { id }, loopbackAddress }: GroundNeeds,
): LabDescription {
  const namespace = (name: string) => (networked ? { namespace: `flotilla-${id}-${name}` } : {});
  return {
    version: 1,
    hubAddress: networked ? HUB_ADDRESS : '127.0.0.1',
    events,
    ...(networked ? { hubNamespace: `flotilla-${id}-hub` } : {}),
    boards: boards.map((board, index): LabBoard => {
      const { name, threads, quota, memoryBytes } = board;
      const group = planGroup(parents, `flotilla-${id}-${name}`, board);
      return {
        id: name,
        threads,
        address: networked ? boardAddress(index) : loopbackAddress(index),
        ...(quota === undefined ? {} : { quota }),
        ...(memoryBytes === undefined ? {} : { memoryBytes }),
        ...namespace(name),
        ...(group === undefined ? {} : { group }),
      };
    }),
  };
}

function stationsOf({ boards }: Scenario, description: LabDescription): readonly [Station, readonly Station[]] {
  const [hub, ...names] = namespacesOf(description);
  const stations = description.boards.map(({ address }, index) => ({
    namespace: names[index]!,
    address,
    wire: wireOf(boards[index]!.link),
  }));
  return [{ namespace: hub!, address: description.hubAddress, wire: wireOf(undefined) }, stations];
}

function wordsFor({ boards }: Scenario, description: LabDescription, network: Network | undefined): readonly string[] {
  const has = (pick: (board: ScenarioBoard) => unknown) => boards.some((board) => pick(board) !== undefined);
  const held = (pick: (board: LabBoard) => unknown) => description.boards.some((board) => pick(board) !== undefined);
  const words: string[] = [];
  if (has(({ quota }) => quota)) {
    words.push(
      held(({ group }) => group?.cpu)
        ? 'Quotas: by control groups.'
        : 'Quotas: without the right to control groups, by stopping and continuing the boards (a duty cycle).',
    );
  }
  if (has(({ memoryBytes }) => memoryBytes)) {
    words.push(
      held(({ group }) => group?.memory)
        ? 'Memory: by control groups.'
        : 'Memory: the planner keeps to it, but without the right to control groups nothing enforces it.',
    );
  }
  if (network !== undefined) words.push(`Network: a namespace a board, joined by a ${network.switching}.`);
  return words;
}
