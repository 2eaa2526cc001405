import { adaptBench } from './adapt.ts';
import { churnBench } from './churn.ts';
import { codecBench } from './codec.ts';
import { cutsBench } from './cuts.ts';
import { engineBench } from './engine.ts';
import { linkBench } from './link.ts';
import { pipelineBench } from './pipeline.ts';
import { plannerBench } from './planner.ts';
import { predictorBench } from './predictor.ts';
import { qualityBench } from './quality.ts';
import { recoverBench } from './recover.ts';
import { repartitionBench } from './repartition.ts';
import { replicateBench } from './replicate.ts';
import { simulateBench } from './simulate.ts';
import { telemetryBench } from './telemetry.ts';

/** Every bench by name: `npm run -s bench -- NAME [options]`. The last line it prints is one JSON object. */
const benches: Readonly<Record<string, (args: readonly string[]) => Promise<unknown>>> = {
  adapt: adaptBench,
  churn: churnBench,
  cuts: cutsBench,
  codec: codecBench,
  engine: engineBench,
  link: linkBench,
  pipeline: pipelineBench,
  predictor: predictorBench,
  quality: qualityBench,
  recover: recoverBench,
  repartition: repartitionBench,
  replicate: replicateBench,
  telemetry: telemetryBench,
  planner: plannerBench,
  simulate: simulateBench,
};

const [name = '', ...args] = process.argv.slice(2);
const bench = benches[name];
if (bench === undefined) {
  console.error(`error: unknown bench '${name}': choose one of ${Object.keys(benches).join(', ')}`);
  process.exitCode = 2;
} else {
  console.log(JSON.stringify(await bench(args)));
}
