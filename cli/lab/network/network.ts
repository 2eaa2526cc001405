import { bridgeBatches, makeNamespaces, relayBatches, relayPorts, type Station } from './commands.ts';
import { type Relay, startRelay } from './relay.ts';
import { hasNetem, runBatch } from './tools.ts';
import { needsDelay } from './wire.ts';

/** How frames get from one board to another. */
export type Switching = 'bridge' | 'bridge with netem' | 'relay';

export interface Network {
  readonly switching: Switching;
  readonly relay?: Relay;
}

/**
 * Makes a namespace for each station, a switch between them and the wires to it. What has been made when something
 * fails is the caller's to remove: the stations' namespaces, with everything in them.
 * @throws LabToolError, LabUnsupportedError, ProcessDiedError, the signal's reason
 */
export async function makeNetwork(hub: Station, boards: readonly Station[], signal: AbortSignal): Promise<Network> {
  const stations = [hub, ...boards];
  await runBatch(makeNamespaces(stations));
  const delayed = stations.some(({ wire }) => needsDelay(wire));
  const netem = delayed && (await hasNetem(hub.namespace));
  const relayed = delayed && !netem;
  for (const batch of relayed ? relayBatches(stations) : bridgeBatches(hub, boards)) {
    signal.throwIfAborted();
    await runBatch(batch);
  }
  if (relayed) return { switching: 'relay', relay: await startRelay(relayPorts(stations)) };
  return { switching: netem ? 'bridge with netem' : 'bridge' };
}
