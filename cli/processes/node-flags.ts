/**
 * How Node is started for boards: with a young generation of one size. Left alone, V8 gives it what loading the program once
 * needed (two halves of 16 MB, in each thread), takes that away when little is allocated for a while, and lets it grow again;
 * a board's resident memory goes up and down by 30 MB with it. [docs/decisions/0031]
 *
 * The first line of `flotilla.js` says the same, for boards that are started by hand.
 */
export const NODE_FLAGS: readonly string[] = ['--min-semi-space-size=4', '--max-semi-space-size=4'];
