/** The one door to systeminformation: it costs up to 50 ms and forks, so it is asked once, when an agent starts. */
import { availableParallelism, platform, totalmem } from 'node:os';
import { cpu, system } from 'systeminformation';

/** What a board is; taken once. */
export interface Inventory {
  readonly model: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly platform: string;
}

const mostModelCharacters = 128;

export async function takeInventory(): Promise<Inventory> {
  const [machine, processor] = await Promise.all([system(), cpu()]);
  const model = [machine.manufacturer, machine.model, processor.brand].filter((part) => part !== '').join(' ');
  return {
    model: model.slice(0, mostModelCharacters) || 'unknown',
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    platform: `${platform()}-${process.arch}`,
  };
}
