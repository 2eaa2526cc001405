import { present, type Tree } from '../tree.ts';
import type { Readings } from '../types.ts';

/** Tenths of a percent. */
export const anyLoad = { least: 0, most: 1000 };

export const loadShare = (load: number | undefined): number | undefined =>
  load === undefined ? undefined : load / anyLoad.most;

/** Where the GPU's device lies, by platform and release of Linux for Tegra. The first that is there is taken. */
const devices = [
  'sys/devices/gpu.0',
  'sys/devices/platform/gpu.0',
  'sys/devices/platform/bus@0/17000000.gpu',
  'sys/devices/platform/17000000.gpu',
  'sys/devices/57000000.gpu',
  'sys/devices/17000000.gp10b',
  'sys/devices/17000000.gv11b',
  'sys/devices/17000000.ga10b',
];

/** Load of a Jetson's GPU, which its driver states in tenths of a percent. */
export function jetsonSource(tree: Tree): () => Readings {
  return () => {
    for (const device of devices) {
      const load = tree.number(`${device}/load`, anyLoad);
      if (load !== undefined) return present({ gpuLoad: loadShare(load) });
    }
    return {};
  };
}
