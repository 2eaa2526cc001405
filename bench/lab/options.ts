/** Options of the benches that train in a lab of unequal boards. */
export const labOptions = {
  model: { type: 'string', default: 'mobilenetv2' },
  batch: { type: 'string', default: '64' },
  'micro-batches': { type: 'string', default: '8' },
  rate: { type: 'string', default: '100' },
  json: { type: 'boolean', default: false },
} as const;

interface LabValues {
  readonly model: string;
  readonly batch: string;
  readonly 'micro-batches': string;
  readonly rate: string;
  readonly steps: string;
}

/** What they say: of a run, and of its links. */
export function readLabOptions({ model, batch, 'micro-batches': microBatches, rate, steps }: LabValues) {
  return {
    sizes: { model, batch: Number(batch), microBatches: Number(microBatches), steps: Number(steps) },
    megabitsPerSecond: Number(rate),
    link: `{ rate: ${rate} Mbit/s }`,
  };
}
