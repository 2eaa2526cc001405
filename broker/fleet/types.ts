/** The hub of a fleet and where its broker listens. */
export interface FleetHub {
  readonly id: string;
  readonly address: string;
  readonly port: number;
  /** 32 raw bytes. */
  readonly publicKey: Uint8Array;
}

export interface FleetBoard {
  readonly id: string;
  readonly publicKey: Uint8Array;
  /** Where the board's own broker listens, where that is fixed; else the board says so when it is online. */
  readonly address?: string;
  readonly port?: number;
}

/** What `fleets/NAME.yaml` says. */
export interface Fleet {
  readonly name: string;
  readonly hub: FleetHub;
  readonly boards: readonly FleetBoard[];
  /** Ids of boards whose key is no longer trusted. */
  readonly revoked: readonly string[];
  /** Digest of the password with which somebody may watch who is no member; nobody may when absent. */
  readonly viewer?: Uint8Array;
}

export const DEFAULT_HUB = { id: 'hub', address: '127.0.0.1', port: 1883 } as const;
