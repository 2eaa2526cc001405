/** A board's wire to the switch; both directions are alike. What is absent is not limited. */
export interface Link {
  readonly bytesPerSecond?: number;
  /** One way, from this board to another with the same link: each of the two wires takes half of it. */
  readonly delaySeconds: number;
  /** The chance, 0 to 1, that a frame from this board to another with the same link is lost. */
  readonly loss: number;
}

export interface ScenarioBoard {
  /** Its id in the fleet. */
  readonly name: string;
  /** Of one core: 0.4 is 40 %, 2 are two cores. Absent: as much as there is. */
  readonly quota?: number;
  /** Threads of one operation. */
  readonly threads: number;
  readonly memoryBytes?: number;
  readonly link?: Link;
}

/** After so many steps of the run, seconds after the boards were started, or seconds after the run's first step was done. */
export type Moment = { readonly steps: number } | { readonly seconds: number } | { readonly trainingSeconds: number };

/** What happens to a board while the lab stands. */
export type LabEvent = { readonly after: Moment; readonly board: string } & (
  | { readonly event: 'joins' | 'dies' | 'returns' }
  | { readonly event: 'quota'; readonly quota: number }
);

/** Boards to be emulated on one machine. */
export interface Scenario {
  readonly boards: readonly ScenarioBoard[];
  readonly events: readonly LabEvent[];
}

/** Boards that are not there at the beginning. */
export function lateBoards({ events }: Pick<Scenario, 'events'>): readonly string[] {
  return events.filter(({ event }) => event === 'joins').map(({ board }) => board);
}

/** Whether the boards are to have a network of their own. */
export function asksForNetwork({ boards }: Pick<Scenario, 'boards'>): boolean {
  return boards.some(({ link }) => link !== undefined);
}
