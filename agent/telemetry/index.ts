export type { Files } from './files.ts';
export { type Inventory, takeInventory } from './inventory.ts';
export { publishTelemetry, type TelemetryPublishing } from './publish.ts';
export type { SourceName } from './sources/index.ts';
export { createTelemetry, type Telemetry, type TelemetryOptions } from './telemetry.ts';
export type * from './types.ts';
