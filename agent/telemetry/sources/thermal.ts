import { largest, present, type Tree } from '../tree.ts';
import type { Readings } from '../types.ts';

const directory = 'sys/class/thermal';
const milli = 1000;
/**
 * m°C. A chip that computes is warmer than 0 °C; zero and less is how sensors say that they are off, and some never say
 * anything but 0 for a part that the board has not.
 */
const anyTemperature = { least: 1, most: 150_000 };
const mostNameCharacters = 64;

interface Zone {
  readonly name: string;
  readonly type: string;
}

/** What kernels call the CPU's sensor: `cpu-thermal`, `CPU-therm`, `MCPU-therm`, `bigcore0-thermal`, `x86_pkg_temp`. */
const ofCpu = /cpu|core|pkg|package/i;
const ofGpu = /gpu/i;
/** Of the chip as a whole, where no sensor is the CPU's. */
const ofChip = /soc|tj|bcm2/i;

/**
 * Temperature of the hottest CPU zone. Only zones of CPU and GPU are read: a Jetson has a PMIC zone that always says
 * 100 °C, and zones of parts that are off, whose reading fails. [kernel: driver-api/thermal/sysfs-api]
 */
export function thermalSource(tree: Tree): () => Readings {
  return () => {
    const zones = tree.names(directory, /^thermal_zone\d+$/).flatMap((name): Zone[] => {
      const type = tree.text(`${directory}/${name}/type`);
      return type === undefined ? [] : [{ name, type }];
    });
    const named = zones.filter(({ type }) => ofCpu.test(type));
    const [hottest] = readZones(tree, named.length > 0 ? named : zones.filter(({ type }) => ofChip.test(type)));
    const gpu = readZones(
      tree,
      zones.filter(({ type }) => ofGpu.test(type)),
    );
    return present({
      temperatureC: hottest?.celsius,
      temperatureZone: hottest?.type.slice(0, mostNameCharacters).toWellFormed(),
      gpuTemperatureC: largest(gpu.map(({ celsius }) => celsius)),
    });
  };
}

/** Those that can be read, the hottest first. */
function readZones(tree: Tree, zones: readonly Zone[]): readonly (Zone & { readonly celsius: number })[] {
  return zones
    .flatMap((zone) => {
      const temperature = tree.number(`${directory}/${zone.name}/temp`, anyTemperature);
      return temperature === undefined ? [] : [{ ...zone, celsius: temperature / milli }];
    })
    .sort((left, right) => right.celsius - left.celsius);
}
