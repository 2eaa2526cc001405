export { boardAddress, HUB_ADDRESS, namespacePath } from './addresses.ts';
export type { Station } from './commands.ts';
export { makeNetwork, type Network, type Switching } from './network.ts';
export type { Relay } from './relay.ts';
export { deleteNamespace, processesInNamespace } from './tools.ts';
export { wireOf } from './wire.ts';
