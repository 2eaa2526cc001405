import type { Group } from './cgroup/index.ts';
import type { LabEvent } from './scenario/index.ts';

/** One emulated board, as the process that starts it needs to know it. */
export interface LabBoard {
  readonly id: string;
  readonly address: string;
  readonly threads: number;
  readonly quota?: number;
  readonly memoryBytes?: number;
  /** Its network namespace, where it has one. */
  readonly namespace?: string;
  /** Where the kernel holds it to its quota and memory. */
  readonly group?: Group;
}

/**
 * A lab that stands or is about to: everything that has to be removed one day is named here before it is made. Plain
 * data; it lies in the lab's directory.
 */
export interface LabDescription {
  readonly version: 1;
  readonly hubAddress: string;
  /** The network namespace of the hub, where the lab has a network of its own. */
  readonly hubNamespace?: string;
  readonly boards: readonly LabBoard[];
  readonly events: readonly LabEvent[];
}

export function namespacesOf({ hubNamespace, boards }: LabDescription): readonly string[] {
  return [hubNamespace, ...boards.map(({ namespace }) => namespace)].filter((name) => name !== undefined);
}
