import { largest, present, type Tree } from '../tree.ts';
import type { FrequencyPolicy, Readings } from '../types.ts';

const directory = 'sys/devices/system/cpu/cpufreq';
const hzPerKhz = 1000;
/** A server may have a policy for every CPU; their first ones tell enough. */
const mostPolicies = 64;
const anyKhz = { least: 1, most: 1e8 };

/** Frequency now, allowed and possible of every policy, from files in kHz. [kernel: admin-guide/pm/cpufreq] */
export function cpufreqSource(tree: Tree): () => Readings {
  return () => {
    const policies = tree.names(directory, /^policy\d+$/).slice(0, mostPolicies);
    const frequencies = policies.flatMap((name) => readPolicy(tree, name));
    if (frequencies.length === 0) return {};
    return present({
      frequencies,
      frequencyHz: largest(frequencies.map(({ hz }) => hz)),
      frequencyMaxHz: largest(frequencies.map(({ maxHz }) => maxHz)),
      frequencyHardwareMaxHz: largest(frequencies.map(({ hardwareMaxHz }) => hardwareMaxHz)),
    });
  };
}

/** One policy; none where all its files are unreadable, as those of CPUs that are switched off. */
function readPolicy(tree: Tree, name: string): readonly FrequencyPolicy[] {
  const read = (file: string): number | undefined => {
    const khz = tree.number(`${directory}/${name}/${file}`, anyKhz);
    return khz === undefined ? undefined : khz * hzPerKhz;
  };
  const known = present({
    hz: read('scaling_cur_freq'),
    maxHz: read('scaling_max_freq'),
    hardwareMaxHz: read('cpuinfo_max_freq'),
  });
  return Object.keys(known).length === 0 ? [] : [{ policy: Number(name.slice('policy'.length)), ...known }];
}
