/**
 * The addresses of a lab. They are used only inside the network namespaces that the lab makes, so every lab has the
 * same: the hub is 10.213.0.1, boards follow.
 */
export const PREFIX_BITS = 16;

export const HUB_ADDRESS = '10.213.0.1';

export function boardAddress(index: number): string {
  return `10.213.${Math.floor((index + 2) / 250)}.${(index + 2) % 250}`;
}

/** An address of the wire that says by itself that it was made up (the "locally administered" bit). */
export function macOf(address: string): string {
  const bytes = address.split('.').map((byte) => Number(byte).toString(16).padStart(2, '0'));
  return ['02', '00', ...bytes].join(':');
}

/** Where `ip netns` keeps a namespace of this name. */
export function namespacePath(name: string): string {
  return `/run/netns/${name}`;
}
