export { type Cleaned, cleanLabs } from './clean.ts';
export { enterScenario } from './enter.ts';
export type { Inside } from './inside.ts';
export { readScenario, type Scenario } from './scenario/index.ts';
export { type ScenarioLab, startScenarioLab } from './start.ts';
export { type BoardUse, formatUses } from './use.ts';
