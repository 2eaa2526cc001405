import { type BoundConstants, boundConstants, completionBound, leastLinks, mostWork, type Rest } from './bound.ts';
import { LabelStore } from './labels.ts';
import type { Assignment, PartitionProblem, Run } from './problem.ts';
import { LANES, noLink, type StageStep } from './step-model.ts';
import type { SearchTables } from './tables.ts';

export type SearchLimits = {
  /** Only steps shorter than this are looked for. */
  readonly below: number;
  /** Stages tried before the search gives up; Infinity: it goes on to the end. */
  readonly tries: number;
  /** Labels kept of each length, the most promising; Infinity: all, and the result is the best there is. */
  readonly width: number;
  /** The bound of what is left to place is too low by about this share: matters for what is promising. */
  readonly caution: number;
  /** Only whether there is a plan matters, not which. */
  readonly anyPlan?: boolean;
};

/** Finds a plan if there is one, whatever its step. */
export const anyPlan: SearchLimits = {
  below: Number.POSITIVE_INFINITY,
  tries: Number.POSITIVE_INFINITY,
  width: Number.POSITIVE_INFINITY,
  caution: 0,
  anyPlan: true,
};

export type SearchResult = {
  /** Absent where nothing below the limit was found. */
  readonly assignment: Assignment | undefined;
  readonly seconds: number;
  /** No assignment has a shorter step. */
  readonly bound: number;
  readonly tries: number;
};

/** As many boards at most as there are bits in the mask of those used. */
export const MOST_SEARCHED = 60;
/** Of more boards than are compared, so many of the fastest are tried next, and then one in so many. */
const ALL_OF_FASTEST = 6;
const EVERY_OTHER = 6;
/** Up to so many boards, labels of the same boards and blocks are compared with each other. */
const MOST_COMPARED = 10;

/**
 * Builds pipelines from the last stage to the first. A label stands for stages that hold the blocks from `start` on,
 * on a set of boards; it is extended by every board that is left, by every run of blocks in front. A label is given up
 *
 * - when another one with the same boards, the same start and the same first board (where links differ) is no worse in
 *   any lane: whatever is put in front of both, the step of the other is no longer;
 * - when no completion can have a step below the best known one (`completionBound`).
 *
 * With `width` and `tries` infinite the result is the shortest step there is, exactly.
 */
export function searchLabels(problem: PartitionProblem, tables: SearchTables, limits: SearchLimits): SearchResult {
  return new Search(problem, tables, limits).run();
}

class Search {
  readonly #problem: PartitionProblem;
  readonly #tables: SearchTables;
  readonly #limits: SearchLimits;
  readonly #labels: LabelStore;
  readonly #constants: BoundConstants;
  readonly #rest: Rest;
  readonly #step: StageStep = { forward: 0, backward: 0, update: 0, ...noLink };
  readonly #out = new Float64Array(LANES);
  readonly #links: Float64Array;
  #best: { readonly seconds: number; readonly runs: Assignment | undefined };
  #tries = 0;

  constructor(problem: PartitionProblem, tables: SearchTables, limits: SearchLimits) {
    this.#problem = problem;
    this.#tables = tables;
    this.#limits = limits;
    this.#best = { seconds: limits.below, runs: undefined };
    this.#labels = new LabelStore(tables, {
      compares: tables.boards <= MOST_COMPARED,
      byFirstBoard: !problem.linksAreUniform || problem.keepsOrder,
      keepsFirst: limits.anyPlan === true,
    });
    const callSeconds = Math.min(...tables.times.map((run) => run.callSeconds));
    this.#constants = boundConstants(problem.model, tables.boards, callSeconds, problem.microBatches);
    this.#rest = {
      end: 0,
      slowness: new Float64Array(tables.boards),
      count: 0,
      position: 0,
      roundTrip: 0,
      makespan: 0,
      linkRoundTrip: 0,
      furtherRoundTrip: 0,
      furtherLinks: 0,
      useAll: problem.useAll,
      isRough: tables.boards > MOST_COMPARED,
    };
    const longest = limits.below / problem.microBatches - this.#constants.calls;
    const most = longest / Math.max(Number.MIN_VALUE, Math.min(...tables.slowness)) / (1 - 1e-12);
    this.#links = leastLinks(tables.work, tables.cutBytes, most, this.#leastLink(undefined));
  }

  run(): SearchResult {
    const labels = this.#labels;
    this.#placeLast();
    let bound = Number.POSITIVE_INFINITY;
    for (let position = 1; position < this.#tables.boards; position++) {
      const layer = labels.takeLayer(this.#limits.width);
      for (const label of layer.dropped) bound = Math.min(bound, labels.bound[label]!);
      for (const label of layer.kept) {
        if (labels.isDead(label) || labels.bound[label]! >= this.#best.seconds) continue;
        if (this.#tries > this.#limits.tries) bound = Math.min(bound, labels.bound[label]!);
        else this.#extend(label, position);
      }
    }
    const { seconds, runs } = this.#best;
    return { assignment: runs, seconds, bound: Math.min(bound, seconds), tries: this.#tries };
  }

  /** The labels of one stage: the loss stage of every board and length. */
  #placeLast(): void {
    const { boards, blocks } = this.#tables;
    const { model, useAll, keepsOrder } = this.#problem;
    for (let board = 0; board < boards; board++) {
      if (this.#tables.twin[board]! >= 0) continue;
      if (useAll && keepsOrder && board !== boards - 1) continue;
      for (let start = blocks - 1; start >= 0; start--) {
        this.#tries++;
        this.#setTimes(board, start, blocks, model.fusesLoss);
        model.last(this.#step, this.#out);
        if (this.#value() >= this.#best.seconds) {
          if (this.#tables.times[board]!.cuts) continue;
          break;
        }
        if (this.#mayStand(board, start, blocks, 0)) this.#keep(board, start, -1, 0);
      }
    }
  }

  /** Puts every board that is left in front of a label's stages, with every run of blocks that can help. */
  #extend(label: number, position: number): void {
    const { model, keepsOrder, useAll } = this.#problem;
    const labels = this.#labels;
    const { boards, cutBytes, twin, work } = this.#tables;
    const end = labels.start[label]!;
    const behind = labels.board[label]!;
    const bytes = cutBytes[end]!;
    const step = this.#step;
    let met = 0;
    for (const board of this.#tables.fastestFirst) {
      if (labels.uses(label, board) || (twin[board]! >= 0 && !labels.uses(label, twin[board]!))) continue;
      // Of many boards the fastest that are left, and some of the others: they may do for a few blocks.
      if (boards > MOST_COMPARED && !keepsOrder && met++ >= ALL_OF_FASTEST && met % EVERY_OTHER > 0) continue;
      if (keepsOrder && (board > behind || (useAll && board !== behind - 1))) continue;
      this.#setLink(board, behind, bytes);
      const run = this.#tables.times[board]!;
      let start = this.#furthestStart(label, board, position, work, end);
      for (; start >= 0; start--) {
        this.#tries++;
        const cuts = run.cut[start]! + run.cut[end]!;
        step.forward = run.forward[end]! - run.forward[start]! + run.callSeconds + cuts;
        step.backward = run.backward[end]! - run.backward[start]! + run.callSeconds + cuts;
        step.update = run.update[end]! - run.update[start]! + run.callSeconds;
        model.prepend(step, position, labels.lanes, label * LANES, this.#out);
        if (this.#value() >= this.#best.seconds) {
          if (run.cuts) continue;
          break;
        }
        if (this.#mayStand(board, start, end, position)) this.#keep(board, start, label, position);
      }
    }
  }

  /** The last start at which the boards left after `board` could still take the blocks in front of it. */
  #furthestStart(label: number, board: number, position: number, work: Float64Array, end: number): number {
    const labels = this.#labels;
    const rest = this.#rest;
    this.#fillRest(label, board, end);
    if (rest.count === 0) return 0;
    rest.position = position + 1;
    rest.roundTrip = this.#problem.model.roundTrip(labels.lanes, label * LANES) + this.#step.roundTrip;
    rest.makespan = this.#problem.model.makespan(labels.lanes, label * LANES) + this.#step.roundTrip;
    rest.linkRoundTrip = 0;
    const most = mostWork(rest, this.#best.seconds, this.#constants);
    let low = 0;
    let high = end - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (work[middle]! <= most) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** The boards that a label, and `board`, leave free, the fastest first; and the links in front of `board`. */
  #fillRest(label: number, board: number, end: number): void {
    const { fastestFirst, slowness } = this.#tables;
    const rest = this.#rest;
    let count = 0;
    for (const other of fastestFirst) {
      if (other === board || (label >= 0 && this.#labels.uses(label, other))) continue;
      if (this.#problem.keepsOrder && other > board) continue;
      rest.slowness[count++] = slowness[other]!;
    }
    rest.count = count;
    rest.end = end;
  }

  #setTimes(board: number, start: number, end: number, fused: boolean): void {
    const { forward, backward, update, callSeconds, cut } = this.#tables.times[board]!;
    const cuts = cut[start]! + cut[end]!;
    this.#step.forward = forward[end]! - forward[start]! + callSeconds + cuts;
    this.#step.backward = backward[end]! - backward[start]! + (fused ? 0 : callSeconds) + cuts;
    this.#step.update = update[end]! - update[start]! + callSeconds;
  }

  #setLink(from: number, to: number, bytes: number): void {
    const { perByte, wirePerByte, latency, boards } = this.#tables;
    const there = from * boards + to;
    const back = to * boards + from;
    this.#step.roundTrip = latency[there]! + latency[back]! + bytes * (perByte[there]! + perByte[back]!);
    this.#step.activationOccupancy = bytes * perByte[there]!;
    this.#step.gradientOccupancy = bytes * perByte[back]!;
    this.#step.activationOnWire = bytes * wirePerByte[there]!;
    this.#step.gradientOnWire = bytes * wirePerByte[back]!;
  }

  /** The least that a step with the stages in `out` can take. Never less for a longer first run, where cuts cost nothing. */
  #value(): number {
    const { model } = this.#problem;
    return Math.max(model.step(this.#out, 0), model.makespan(this.#out, 0) + this.#constants.update);
  }

  #mayStand(board: number, start: number, end: number, position: number): boolean {
    const { first, model } = this.#problem;
    if (first !== undefined && (board === first) !== (start === 0)) return false;
    const { memory, stash, memoryBytes, blocks } = this.#tables;
    const at = start * (blocks + 1) + end;
    const places = Math.max(1, model.stashSlots(position));
    return memory[at]! + stash[at]! * places <= memoryBytes[board]!;
  }

  /** Takes the stages in `out` in: as the best plan, as a label, or not at all. */
  #keep(board: number, start: number, parent: number, position: number): void {
    const { model, useAll } = this.#problem;
    if (start === 0) {
      const seconds = model.step(this.#out, 0);
      if (seconds >= this.#best.seconds || (useAll && position + 1 < this.#tables.boards)) return;
      this.#best = { seconds, runs: [{ board, first: 0, end: this.#endOf(parent) }, ...this.#runsBehind(parent)] };
      return;
    }
    const labels = this.#labels;
    const key = labels.keyOf(parent, board, start);
    if (labels.isDominated(key, this.#out)) return;
    const bound = this.#boundOf(board, start, parent, position);
    if (bound >= this.#best.seconds) return;
    const rank = bound + this.#limits.caution * (bound - model.makespan(this.#out, 0));
    labels.add(key, { board, start, parent, bound, rank, lanes: this.#out });
  }

  #boundOf(board: number, start: number, parent: number, position: number): number {
    const { model } = this.#problem;
    const { leastBytesBefore } = this.#tables;
    const rest = this.#rest;
    this.#fillRest(parent, board, start);
    rest.position = position + 1;
    rest.roundTrip = model.roundTrip(this.#out, 0);
    rest.makespan = model.makespan(this.#out, 0);
    const link = this.#leastLink(board);
    rest.linkRoundTrip = link.latency + this.#tables.cutBytes[start]! * link.perByte;
    const anyLink = this.#leastLink(undefined);
    rest.furtherRoundTrip = anyLink.latency + leastBytesBefore[start]! * anyLink.perByte;
    rest.furtherLinks = this.#links[start]!;
    const bound = completionBound(rest, this.#best.seconds, this.#tables.work, this.#constants);
    return Math.max(bound, model.step(this.#out, 0));
  }

  readonly #leastLinks = new Map<number | undefined, { readonly latency: number; readonly perByte: number }>();

  /** The shortest latency and the fastest rate, there and back together, of the links to a board, or of any. */
  #leastLink(to: number | undefined): { readonly latency: number; readonly perByte: number } {
    const known = this.#leastLinks.get(to);
    if (known !== undefined) return known;
    const { boards, latency, perByte } = this.#tables;
    const least = { latency: Number.POSITIVE_INFINITY, perByte: Number.POSITIVE_INFINITY };
    for (let target = 0; target < boards; target++) {
      if (to !== undefined && target !== to) continue;
      for (let from = 0; from < boards; from++) {
        if (from === target) continue;
        const there = from * boards + target;
        const back = target * boards + from;
        least.latency = Math.min(least.latency, latency[there]! + latency[back]!);
        least.perByte = Math.min(least.perByte, perByte[there]! + perByte[back]!);
      }
    }
    this.#leastLinks.set(to, least);
    return least;
  }

  #endOf(parent: number): number {
    return parent < 0 ? this.#tables.blocks : this.#labels.start[parent]!;
  }

  #runsBehind(label: number): Assignment {
    const runs: Run[] = [];
    for (let at = label; at >= 0; at = this.#labels.parent[at]!) {
      const { start, board, parent } = this.#labels;
      runs.push({ board: board[at]!, first: start[at]!, end: this.#endOf(parent[at]!) });
    }
    return runs;
  }
}
