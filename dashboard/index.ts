/** What is to be seen of a fleet: its messages folded into one picture. Knows no terminal and no page. */
export { eventText } from './view/event-text.ts';
export { watchFleet } from './view/listen.ts';
export { see } from './view/see.ts';
export { heldStage, latestRuns, standing } from './view/standing.ts';
export {
  type BoardView,
  type EventView,
  emptyView,
  type FleetView,
  type RunView,
  type Seen,
  type Standing,
  type WatchedTopic,
  watchedTopics,
} from './view/types.ts';
