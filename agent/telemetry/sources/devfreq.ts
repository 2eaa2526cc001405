import { present, type Tree } from '../tree.ts';
import type { Readings } from '../types.ts';
import { anyLoad, loadShare } from './jetson.ts';

const directory = 'sys/class/devfreq';
const anyHz = { least: 1, most: 1e11 };
/**
 * `57000000.gpu`, `17000000.ga10b`, `gpu-gpc-0`, `13000000.mali`; not `soc:gpubw`, which is a bus, nor the memory
 * controllers, video units and neural engines that share the directory.
 */
const ofGpu = /(?:^|[.,:-])(?:gpu|mali|v3d|g[a-z]\d\d[a-z])(?:$|-)/i;

/** Frequency in Hz and load of the GPU. [kernel: ABI/testing/sysfs-class-devfreq] */
export function devfreqSource(tree: Tree): () => Readings {
  return () => {
    // The list is asked anew each time: early after boot the GPU may not be there yet.
    for (const name of tree.names(directory, ofGpu)) {
      const device = `${directory}/${name}`;
      const readings = present({
        gpuLoad: ownLoad(tree, `${device}/load`) ?? loadShare(tree.number(`${device}/device/load`, anyLoad)),
        gpuFrequencyHz: tree.number(`${device}/cur_freq`, anyHz),
        gpuFrequencyMaxHz: tree.number(`${device}/max_freq`, anyHz),
      });
      if (Object.keys(readings).length > 0) return readings;
    }
    return {};
  };
}

/** Some kernels say `29@800000000Hz`: percent, at which frequency. */
function ownLoad(tree: Tree, path: string): number | undefined {
  const content = tree.text(path);
  if (content === undefined) return undefined;
  const percent = Number(/^(\d{1,3})@\d+Hz$/.exec(content)?.[1] ?? Number.NaN);
  if (percent <= 100) return percent / 100;
  tree.refuse(path, 'is not a load and a frequency', content);
  return undefined;
}
