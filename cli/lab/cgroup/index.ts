export {
  changeQuota,
  directoriesOf,
  enterGroup,
  type Group,
  type GroupUse,
  groupUse,
  makeGroup,
  planGroup,
  processesIn,
  removeGroup,
} from './group.ts';
export type { Limits } from './limits.ts';
export { findParents, type Parents } from './parents.ts';
