import { writeFileSync } from 'node:fs';
import { mkdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ControlGroupError } from '../errors.ts';
import { cpuSettings, type Limits, memorySettings, type Setting } from './limits.ts';
import type { Parent, Parents } from './parents.ts';

/** The directories of one board's group, by what each is for; on version 2 they are the same one. Plain data. */
export type Group = Parents;

/** What a group has used. */
export interface GroupUse {
  readonly cpuSeconds: number;
  /** Of the periods in which it computed, those in which its quota held it back. */
  readonly throttledShare: number;
}

/** Where the group called `name` will lie, without making it; undefined where there is no right to any. */
export function planGroup({ cpu, memory, accounting }: Parents, name: string, limits: Limits): Group | undefined {
  const own = (parent: Parent | undefined) =>
    parent === undefined ? undefined : { ...parent, directory: join(parent.directory, name) };
  const group = {
    cpu: limits.quota === undefined ? undefined : own(cpu),
    memory: limits.memoryBytes === undefined ? undefined : own(memory),
    accounting: limits.quota === undefined || cpu === undefined ? undefined : own(accounting),
  };
  const given = Object.entries(group).filter(([, directory]) => directory !== undefined);
  return given.length === 0 ? undefined : Object.fromEntries(given);
}

/** Makes the group and sets its limits. @throws ControlGroupError */
export async function makeGroup(group: Group, limits: Limits): Promise<void> {
  for (const directory of directoriesOf(group)) await mkdir(directory);
  const { cpu, memory } = group;
  if (cpu !== undefined) await write(cpu.directory, cpuSettings(cpu.version, limits));
  if (memory !== undefined) await write(memory.directory, memorySettings(memory.version, limits));
}

/** Gives a group that stands another share of a core. @throws ControlGroupError */
export async function changeQuota({ cpu }: Group, quota: number): Promise<void> {
  if (cpu !== undefined) await write(cpu.directory, cpuSettings(cpu.version, { quota }));
}

async function write(directory: string, settings: readonly Setting[]): Promise<void> {
  for (const { file, value, optional = false } of settings) {
    const path = join(directory, file);
    try {
      await writeFile(path, value);
    } catch (error) {
      if (!optional) throw new ControlGroupError(path, value, (error as Error).message);
    }
  }
}

/** Moves a process into the group, at once: it is to compute nothing outside. */
export function enterGroup(group: Group, pid: number): void {
  for (const directory of directoriesOf(group)) {
    try {
      writeFileSync(join(directory, 'cgroup.procs'), String(pid));
    } catch (error) {
      // It has ended already; that is told elsewhere.
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
}

/** Undefined where the group has no quota. */
export async function groupUse({ cpu, accounting }: Group): Promise<GroupUse | undefined> {
  if (cpu === undefined) return undefined;
  const { usage_usec, nr_periods = 0, nr_throttled = 0 } = parseCpuStat(await readText(cpu, 'cpu.stat'));
  // Version 1 counts the time in a hierarchy of its own, which may be missing.
  const nanoseconds =
    usage_usec === undefined && accounting !== undefined ? Number(await readText(accounting, 'cpuacct.usage')) : 0;
  return {
    cpuSeconds: usage_usec === undefined ? nanoseconds / 1e9 : usage_usec / 1e6,
    throttledShare: nr_periods === 0 ? 0 : nr_throttled / nr_periods,
  };
}

const readText = ({ directory }: Parent, file: string) => readFile(join(directory, file), 'utf8');

/** `nr_periods 12` and so on, a line each. */
export function parseCpuStat(text: string): Readonly<Record<string, number>> {
  return Object.fromEntries(
    text
      .split('\n')
      .filter(Boolean)
      .map((line) => line.split(' '))
      .map(([name, value]) => [name, Number(value)]),
  );
}

/** The processes in a group; none where it is not there. */
export async function processesIn(directory: string): Promise<readonly number[]> {
  const text = await readFile(join(directory, 'cgroup.procs'), 'utf8').catch(() => '');
  return text.split('\n').filter(Boolean).map(Number);
}

/** Removes an empty group. @returns whether it is gone */
export async function removeGroup(directory: string): Promise<boolean> {
  try {
    await rmdir(directory);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT';
  }
}

export function directoriesOf({ cpu, memory, accounting }: Group): readonly string[] {
  return [...new Set([cpu, memory, accounting].flatMap((place) => place?.directory ?? []))];
}
