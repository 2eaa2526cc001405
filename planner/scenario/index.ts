export { type ChurnSummary, type ChurnWatcher, type FleetChange, fleetChanges, simulateChurn } from './churn.ts';
export { parseScenario } from './parse.ts';
export { type PlannedScenario, planScenario, type ScenarioProblem, scenarioProblem } from './plan.ts';
export type { Churn, Scenario, ScenarioBoard, ScenarioWork } from './types.ts';
