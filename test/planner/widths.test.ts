import test from 'ava';
import {
  asTheyAre,
  bitsOf,
  chooseWidths,
  explainWidths,
  formatWidth,
  type Holding,
  type LeastBits,
  type LinkCodecs,
  type LinkModel,
  type Links,
  linkUnderLoad,
  type PartitionRequest,
  parseCodecWish,
  partition,
  partitionWithWidths,
  stepWithWidths,
  WIDTH_SLACK,
  widthLadder,
  widthsOf,
} from '../../planner/index.ts';
import { blocksOf, boardsOf, seededNumbers, timed } from './examples.ts';

const least: LeastBits = { forward: 2, backward: 4 };
const ladder = widthLadder(least);

/** Links of their own, by pair; 1 ms. */
function linksOf(rates: ReadonlyMap<string, number>, usual: number): Links {
  const models = new Map<string, LinkModel>();
  return {
    between(from, to) {
      const pair = `${from}>${to}`;
      const model = models.get(pair) ?? { bytesPerSecond: rates.get(pair) ?? usual, latencySeconds: 1e-3 };
      models.set(pair, model);
      return model;
    },
  };
}

/** Some boards in a row with some blocks each, on links from 1 to 100 MB/s. */
function randomPipeline(random: () => number) {
  const stages = 2 + Math.floor(3 * random());
  const blocks = blocksOf(
    Array.from({ length: 2 * stages }, () => 1e6 * (1 + 9 * random())),
    { outputBytes: 1e4 + 4e5 * random() },
  );
  const boards = timed(blocks, boardsOf(Array.from({ length: stages }, () => 1e8 * 10 ** random())));
  const rates = new Map<string, number>();
  for (const [index, { id }] of boards.entries()) {
    const next = boards[index + 1]?.id;
    if (next === undefined) continue;
    rates.set(`${id}>${next}`, 1e6 * 100 ** random());
    rates.set(`${next}>${id}`, 1e6 * 100 ** random());
  }
  const holdings = boards.map(({ id: board }, index): Holding => ({ board, first: 2 * index, end: 2 * index + 2 }));
  const requestWith = (changed: ReadonlyMap<string, number>): PartitionRequest => ({
    blocks,
    boards,
    microBatches: 8,
    links: linksOf(changed, 1e7),
  });
  return { holdings, rates, request: requestWith(rates), requestWith };
}

test('no link is narrower than asked, and gradients are never narrower than activations', (t) => {
  const random = seededNumbers(4);
  for (let round = 0; round < 60; round++) {
    const { request, holdings } = randomPipeline(random);
    const bits = [1, 2, 3, 4, 6, 8];
    const forward = bits[Math.floor(bits.length * random())]!;
    const backward = Math.max(forward, bits[Math.floor(bits.length * random())]!);
    const { codecs } = chooseWidths(request, holdings, () => widthLadder({ forward, backward }));
    for (const { forward: there, backward: back } of codecs) {
      t.true(there.bits >= forward && back.bits >= backward, `${there.bits}/${back.bits} of ${forward}/${backward}`);
      t.true(back.bits >= there.bits);
    }
  }
});

test('a step takes hardly longer than with the best widths there are', (t) => {
  const random = seededNumbers(5);
  for (let round = 0; round < 40; round++) {
    const { request, holdings } = randomPipeline(random);
    const { codecs, seconds } = chooseWidths(request, holdings, () => ladder);
    t.is(seconds, stepWithWidths(request, holdings, codecs));
    for (const uniform of ladder) {
      const other = stepWithWidths(
        request,
        holdings,
        codecs.map(() => uniform),
      );
      t.true(seconds <= (1 + WIDTH_SLACK) * other + 1e-12);
    }
  }
});

test('no link could be wider by itself', (t) => {
  const random = seededNumbers(6);
  for (let round = 0; round < 40; round++) {
    const { request, holdings } = randomPipeline(random);
    const { codecs, fastestSeconds } = chooseWidths(request, holdings, () => ladder);
    for (const [link, own] of codecs.entries()) {
      for (const wider of ladder.slice(0, ladder.indexOf(own))) {
        const seconds = stepWithWidths(request, holdings, codecs.with(link, wider));
        t.true(seconds > (1 + WIDTH_SLACK) * fastestSeconds);
      }
    }
  }
});

test('a link that becomes faster never gets narrower, as long as the others keep their widths', (t) => {
  const random = seededNumbers(7);
  for (let round = 0; round < 100; round++) {
    const { holdings, rates, requestWith } = randomPipeline(random);
    const link = Math.floor((holdings.length - 1) * random());
    const [one, next] = [holdings[link]!.board, holdings[link + 1]!.board];
    const other = ladder[Math.floor(ladder.length * random())]!;
    const ladderAt = (cut: number) => (cut === holdings[link]!.end ? ladder : [other]);
    let before = 0;
    for (const factor of [1, 1.5, 3, 10, 100]) {
      const faster = new Map(rates);
      for (const pair of [`${one}>${next}`, `${next}>${one}`]) faster.set(pair, factor * rates.get(pair)!);
      const { codecs } = chooseWidths(requestWith(faster), holdings, ladderAt);
      const bits = bitsOf(codecs[link]!);
      t.true(bits >= before, `${bits} bits after ${before} in round ${round}, ${factor} times as fast`);
      before = bits;
    }
  }
});

test('links that hold nothing up send float32, and those that hold everything up the fewest bits', (t) => {
  const blocks = blocksOf([1e7, 1e7], { outputBytes: 1e5 });
  const boards = timed(blocks, boardsOf([1e9, 1e9]));
  const holdings = [
    { board: 'board0', first: 0, end: 1 },
    { board: 'board1', first: 1, end: 2 },
  ];
  const at = (rate: number) =>
    chooseWidths({ blocks, boards, microBatches: 8, links: linksOf(new Map(), rate) }, holdings, () => ladder).codecs;
  t.deepEqual(at(1e12), [asTheyAre]);
  t.deepEqual(at(1e3), [ladder.at(-1)!]);
});

test('narrow links allow cuts where tensors are large', (t) => {
  // The work divides evenly where a megabyte crosses; little crosses near the beginning.
  const blocks = blocksOf([2e6, 5e8, 5e8]).map((block, index) => ({ ...block, outputBytes: [1e3, 1e6, 0][index]! }));
  const boards = timed(blocks, boardsOf([1e9, 1e9]));
  const request = { blocks, boards, microBatches: 8, links: linksOf(new Map(), 1.2e6) };
  const asBefore = partition(request);
  const planned = partitionWithWidths(request, { ladder: widthLadder({ forward: 4, backward: 8 }) });
  t.true(planned.partition.stepSeconds < 0.8 * asBefore.stepSeconds);
  t.is(planned.partition.stages.length, 2);
  t.is(planned.partition.stages[0]!.lastBlock, 1);
  const text = explainWidths(planned.widths, planned.partition.stepSeconds).join('\n');
  t.regex(text, /The link board0 → board1 sends 4\/8 bits: with 5\/8 bits a step would take 1\.\d\d times as long/);
  t.regex(text, /with float32 \d\.\d\d times; it may not be narrower\./);
});

test('a plan whose links need no codec says so', (t) => {
  const blocks = blocksOf([1e7, 1e7], { outputBytes: 1e3 });
  const boards = timed(blocks, boardsOf([1e9, 1e9]));
  const { widths, partition: plan } = partitionWithWidths({ blocks, boards, microBatches: 8 }, { ladder });
  t.deepEqual(
    widths.map(({ codecs }) => codecs),
    [asTheyAre],
  );
  t.regex(explainWidths(widths, plan.stepSeconds)[0]!, /sends float32: with 8 bits a step would take 1\.00 times/);
});

test('boards without room beside computing pay for encoding with their own time', (t) => {
  const blocks = blocksOf([1e7, 1e7], { outputBytes: 1e6 });
  const codec = { encodeSecondsPerByte: 1e-8, decodeSecondsPerByte: 1e-8 };
  const messages = { seconds: 0, secondsPerByte: 1e-9, besideComputing: false };
  const plain = timed(blocks, boardsOf([1e9, 1e9]));
  const busy = plain.map((board) => ({ ...board, codec, messages }));
  const free = plain.map((board) => ({ ...board, codec, messages: { ...messages, besideComputing: true } }));
  const holdings = [
    { board: 'board0', first: 0, end: 1 },
    { board: 'board1', first: 1, end: 2 },
  ];
  const request = { blocks, microBatches: 8, links: linksOf(new Map(), 1e7) };
  const eight: LinkCodecs = { forward: { bits: 8 }, backward: { bits: 8 } };
  const seconds = (boards: typeof busy, codecs: LinkCodecs) =>
    stepWithWidths({ ...request, boards }, holdings, [codecs]);
  t.true(seconds(busy, eight) > seconds(free, eight));
  t.true(seconds(free, eight) < seconds(free, asTheyAre));
});

test('what is asked of links is read, and refused by name', (t) => {
  t.deepEqual(parseCodecWish('auto', '4', 0.1), {
    kind: 'auto',
    least: { forward: 4, backward: 4 },
    errorBudget: 0.1,
  });
  t.is(parseCodecWish('none', '4/8', 0.1), null);
  t.is(parseCodecWish('4/8', '4/8', 0.1)?.kind, 'fixed');
  for (const strange of ['', '0', '9', '8/4', '4/8/8', 'four', '4.5', '-4']) {
    t.throws(() => parseCodecWish('auto', strange, 0.1), { code: 'LEAST_BITS' }, strange);
  }
});

test('a cut at which a width has lost too much keeps more bits', (t) => {
  const wish = parseCodecWish('auto', '2', 0.1)!;
  const { ladder: usual, ladderAt } = widthsOf(wish, new Map([[3, { forward: 5, backward: 8 }]]));
  t.is(bitsOf(usual.at(-1)!), 4);
  t.deepEqual(ladderAt!(3).map(formatWidth), ['float32', '8 bits', '6/8 bits', '5/8 bits']);
  t.is(ladderAt!(4).length, usual.length);
});

test('widths are written as --codec takes them', (t) => {
  t.is(
    formatWidth({ forward: { bits: 4, zeroMask: true }, backward: { bits: 8, group: 128 } }),
    '4+mask/8+group128 bits',
  );
  t.is(formatWidth({ forward: { bits: 32 }, backward: { bits: 8 } }), '32/8 bits');
});

const wire: LinkModel = { bytesPerSecond: 1e7, latencySeconds: 1e-3 };
const load = (busySeconds: number) => ({ bytes: 1e6, tensors: 10, busySeconds });

test('a link keeps its rate as long as its loads went as fast as they could have', (t) => {
  t.is(linkUnderLoad(wire, []), wire);
  // 0.1 s on the wire, and up to 0.02 s of waiting where tensors do not overlap.
  for (const seconds of [0.08, 0.1, 0.12, 0.17]) t.is(linkUnderLoad(wire, [load(seconds)]), wire);
});

test('a link has become slower where not even its fastest load went as before', (t) => {
  t.is(linkUnderLoad(wire, [load(1.02), load(3)]).bytesPerSecond, 1e6);
  t.is(linkUnderLoad(wire, [load(1.02), load(0.1)]), wire);
});

test('a link has become faster where a load went faster than it could have', (t) => {
  t.is(linkUnderLoad(wire, [load(0.01), load(3)]).bytesPerSecond, 1e8);
});

test('short tensors say nothing of a link', (t) => {
  t.is(linkUnderLoad(wire, [{ bytes: 1e4, tensors: 10, busySeconds: 9 }]), wire);
});
