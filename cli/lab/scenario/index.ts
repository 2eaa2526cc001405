export { parseScenario, readScenario } from './parse.ts';
export {
  asksForNetwork,
  type LabEvent,
  type Link,
  lateBoards,
  type Scenario,
  type ScenarioBoard,
} from './types.ts';
