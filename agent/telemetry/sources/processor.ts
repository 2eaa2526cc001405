import { present, type Tree } from '../tree.ts';
import type { Readings } from '../types.ts';

const path = 'proc/stat';

/** Clock ticks of all CPUs together since boot, usually hundredths of a second. */
interface Ticks {
  readonly busy: number;
  readonly total: number;
}

interface Statistics extends Ticks {
  readonly cpusOnline: number;
}

/** Fewer ticks than this between two samples are too coarse to divide. */
const leastTicks = 10;
/** user, nice, system, idle, iowait, irq, softirq, steal; the guests' time that follows is in `user` already. */
const counted = 8;
const idle = 3;
const ioWait = 4;

/** Load of the CPUs from `/proc/stat`, between one reading and the next. [proc_stat(5)] */
export function processorSource(tree: Tree): () => Readings {
  let last = readStatistics(tree);
  return () => {
    const now = readStatistics(tree);
    if (now === undefined) return {};
    const before = last ?? now;
    const ticks = now.total - before.total;
    // A short window keeps its start and grows; one that went back (a CPU was switched off) starts anew.
    if (ticks >= leastTicks || ticks < 0) last = now;
    else last = before;
    return present({ cpuLoad: loadBetween(before, now), cpusOnline: now.cpusOnline });
  };
}

function loadBetween(before: Ticks, now: Ticks): number | undefined {
  const ticks = now.total - before.total;
  // `iowait` may go back by itself: proc_stat(5).
  return ticks < leastTicks ? undefined : Math.min(1, Math.max(0, (now.busy - before.busy) / ticks));
}

function readStatistics(tree: Tree): Statistics | undefined {
  const content = tree.text(path);
  if (content === undefined) return undefined;
  const [all = '', ...lines] = content.split('\n');
  const ticks = ticksOf(all);
  if (ticks === undefined) {
    tree.refuse(path, 'does not begin with the times of all CPUs');
    return undefined;
  }
  const cpusOnline = lines.findIndex((line) => !/^cpu\d/.test(line));
  return { ...ticks, cpusOnline: cpusOnline === -1 ? lines.length : cpusOnline };
}

function ticksOf(line: string): Ticks | undefined {
  if (!/^cpu( +\d+){4,}$/.test(line)) return undefined;
  const times = line
    .trim()
    .split(/ +/)
    .slice(1, 1 + counted)
    .map(Number);
  const total = times.reduce((sum, time) => sum + time, 0);
  if (!Number.isSafeInteger(total)) return undefined;
  return { total, busy: total - times[idle]! - (times[ioWait] ?? 0) };
}
