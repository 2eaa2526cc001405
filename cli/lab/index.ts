export { startAgain } from './again.ts';
export { type Cleaned, cleanLabs } from './clean.ts';
export { enterScenario } from './enter.ts';
export { ScenarioError } from './errors.ts';
export { type Inside, insideLab, insideOf } from './inside.ts';
export { type RunningLab, runningScenarios } from './running.ts';
export { lateBoards, readScenario, type Scenario } from './scenario/index.ts';
export { type ScenarioLab, startScenarioLab } from './start.ts';
export { type BoardUse, formatUses } from './use.ts';
