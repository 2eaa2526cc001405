import type { Tree } from '../tree.ts';
import type { Readings } from '../types.ts';

const path = 'proc/meminfo';
const bytesPerKib = 1024;

/** Memory that new work could get, from `/proc/meminfo`, whose `kB` are KiB. [proc_meminfo(5)] */
export function memorySource(tree: Tree): () => Readings {
  return () => {
    const content = tree.text(path);
    if (content === undefined) return {};
    const total = kibOf(content, /^MemTotal: +(\d+) kB$/m);
    const available = kibOf(content, /^MemAvailable: +(\d+) kB$/m);
    if (available <= total) return { memoryFreeBytes: available * bytesPerKib };
    tree.refuse(path, 'does not say what memory is available');
    return {};
  };
}

function kibOf(content: string, pattern: RegExp): number {
  const kib = Number(pattern.exec(content)?.[1] ?? Number.NaN);
  return Number.isSafeInteger(kib * bytesPerKib) ? kib : Number.NaN;
}
