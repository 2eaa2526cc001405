export { historyOf, type RunEntry, type RunHistory } from './entries.ts';
export { type Hold, holdRun } from './hold.ts';
export { keepRuns, type RunKeeper } from './keeper.ts';
export { openRunLog, type RunLog, readRunLog } from './log.ts';
export * from './names.ts';
export { type Register, registerOf } from './register.ts';
