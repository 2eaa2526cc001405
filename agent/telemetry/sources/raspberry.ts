import type { Tree } from '../tree.ts';
import type { Readings, ThrottleFlags } from '../types.ts';

/** By kernel; a Pi 5's has the second directory, and so far no such file in it. */
const firmwarePaths = [
  'sys/devices/platform/soc/soc:firmware/get_throttled',
  'sys/devices/platform/soc@107c000000/soc@107c000000:firmware/get_throttled',
];
const monitors = 'sys/class/hwmon';
/** Bits of now; those of since boot are 16 higher. [raspberrypi.com: os.html#get_throttled] */
const bits = { underVoltage: 0, frequencyCapped: 1, throttled: 2, softTemperatureLimit: 3 } as const;
const sinceBootShift = 16;

/** Under-voltage and throttling as a Raspberry Pi's firmware sees them. */
export function raspberrySource(tree: Tree): () => Readings {
  return () => firmwareReadings(tree) ?? monitorReadings(tree);
}

/** The file holds the firmware's word as hexadecimal digits without `0x`. */
function firmwareReadings(tree: Tree): Readings | undefined {
  for (const path of firmwarePaths) {
    const content = tree.text(path);
    if (content === undefined) continue;
    if (/^(0x)?[0-9a-f]{1,8}$/i.test(content)) return decodeThrottled(Number.parseInt(content, 16));
    tree.refuse(path, 'is not a hexadecimal number', content);
  }
  return undefined;
}

/** The word of `get_throttled` in words. */
export function decodeThrottled(word: number): Pick<Readings, 'throttled' | 'throttle'> {
  const flags = (shift: number): Required<ThrottleFlags> => {
    const isSet = (bit: number): boolean => ((word >>> (bit + shift)) & 1) === 1;
    return {
      underVoltage: isSet(bits.underVoltage),
      frequencyCapped: isSet(bits.frequencyCapped),
      throttled: isSet(bits.throttled),
      softTemperatureLimit: isSet(bits.softTemperatureLimit),
    };
  };
  const now = flags(0);
  return {
    // Under-voltage alone does not slow the CPU down; where it does, another flag says so.
    throttled: now.frequencyCapped || now.throttled || now.softTemperatureLimit,
    throttle: { now, sinceBoot: flags(sinceBootShift) },
  };
}

/** A Pi 5, and kernels without the file, say only whether the supply is too weak. */
function monitorReadings(tree: Tree): Readings {
  for (const name of tree.names(monitors, /^hwmon\d+$/)) {
    if (tree.text(`${monitors}/${name}/name`) !== 'rpi_volt') continue;
    const alarm = tree.number(`${monitors}/${name}/in0_lcrit_alarm`, { least: 0, most: 1 });
    return alarm === undefined ? {} : { throttle: { now: { underVoltage: alarm === 1 } } };
  }
  return {};
}
