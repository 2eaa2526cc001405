export { parseScenario, readScenario } from './parse.ts';
export { asksForNetwork, type Link, type Scenario, type ScenarioBoard } from './types.ts';
