import type { Log } from '../../broker/index.ts';
import { emptyView, type FleetView, type Seen, see, watchFleet } from '../../dashboard/index.ts';
import { connectWatcher } from './connect.ts';
import type { FleetPlace } from './find.ts';

/** A fleet that is being looked at. */
export interface WatchSession {
  readonly fleet: string;
  /** The hub's broker. */
  readonly url: string;
  /** What has been seen until now. */
  readonly view: FleetView;
  /** Since when the hub cannot be reached, milliseconds since 1970; undefined while it can. */
  readonly awaySince: number | undefined;
  /** Resolves when the connection has ended for good: with the error that ended it. */
  readonly ended: Promise<Error | undefined>;
  close(): Promise<void>;
}

export interface WatchNeeds {
  /** In place of the fleet file's. */
  readonly hub: string | undefined;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** Called for each message, with the picture before it. */
  readonly onSeen?: (before: FleetView, seen: Seen) => void;
}

/** Connects, and follows all that is said. @throws as `connectWatcher` */
export async function startWatching(place: FleetPlace, needs: WatchNeeds): Promise<WatchSession> {
  const { hub, log, signal, onSeen } = needs;
  const { fleet, url, client } = await connectWatcher(place, hub, log, signal);
  let view: FleetView = emptyView(fleet.boards.map(({ id }) => id));
  let awaySince: number | undefined;
  client.onConnectionChange((connected) => {
    awaySince = connected ? undefined : Date.now();
  });
  const follow = (seen: Seen): void => {
    const before = view;
    view = see(view, seen);
    onSeen?.(before, seen);
  };
  try {
    await watchFleet(client, follow, signal);
  } catch (error) {
    await client.close();
    throw error;
  }
  return {
    fleet: fleet.name,
    url,
    get view() {
      return view;
    },
    get awaySince() {
      return awaySince;
    },
    ended: client.ended,
    close: () => client.close(),
  };
}
