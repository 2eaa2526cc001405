/** Topics: the one table of them, who may do what on each, and how they are spelled. [docs/protocol.md §4] */
export * from './topics/paths.ts';
export * from './topics/roles.ts';
export * from './topics/table.ts';
