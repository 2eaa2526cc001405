import test from 'ava';
import {
  boardTimes,
  correctedByStages,
  formatSurvey,
  hasMeasured,
  linksBetween,
  nominalLink,
  PlanFieldError,
  PredictorFileError,
  parseSurvey,
  parseWish,
  type Subject,
  worksOf,
} from '../../../planner/index.ts';
import { aBoardLike, fleetModel, trueSeconds } from '../predictor/boards.ts';
import { aModel, blocksOfModel, rowsOf, sourceOf, surveyOf, transfersOf } from './examples.ts';

const subject: Subject = { model: aModel, blocks: blocksOfModel, optimizerSlots: 1, predictor: fleetModel() };
const last = blocksOfModel.length - 1;
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
const near = (a: number, b: number, share = 0.01) => Math.abs(a / b - 1) <= share;

const stage = (firstBlock: number, lastBlock: number, seconds: number) =>
  ({ firstBlock, lastBlock, pass: 'forward', seconds }) as const;
const imagined = (forward: readonly number[], stages: readonly ReturnType<typeof stage>[], callSeconds = 0) => ({
  blocks: forward.map((seconds) => ({ forward: seconds, backward: seconds, update: seconds })),
  callSeconds,
  stages,
});
const forwards = (blocks: readonly { readonly forward: number }[]) => blocks.map(({ forward }) => forward);

test('blocks of a measured stage sum to what was measured, less the call; other passes stay as they are', (t) => {
  const [corrected] = correctedByStages([imagined([1, 2, 3, 4], [stage(1, 2, 10.5)], 0.5)]);
  const [a, b, c, d] = forwards(corrected!) as [number, number, number, number];
  t.true(near(b + c, 10, 0.02), `${b} ${c}`);
  t.true(near(c / b, 1.5, 0.05));
  t.true(a > 1.5 && a < 2 && d > 6 && d < 8, 'a board is off alike for all blocks, as far as one stage tells');
  t.deepEqual(
    corrected!.map(({ backward }) => backward),
    [1, 2, 3, 4],
  );
});

test('stages that overlap are reconciled: a short measurement is not all that is known', (t) => {
  const [corrected] = correctedByStages([imagined([1, 1, 1, 1], [stage(0, 3, 4.2), stage(0, 2, 3), stage(0, 1, 1.9)])]);
  for (const forward of forwards(corrected!)) t.true(near(forward, 1, 0.15), `${forward}`);
});

test("what one board has measured of the model's blocks tells of another's, its speed aside", (t) => {
  const blocks = Array.from({ length: 20 }, () => 1);
  const one = imagined(blocks, [stage(0, 9, 15), stage(10, 19, 10)]);
  const other = imagined(blocks, [stage(0, 19, 50)]);
  const [, corrected] = correctedByStages([one, other]);
  const times = forwards(corrected!);
  const halves = [sum(times.slice(0, 10)), sum(times.slice(10))] as const;
  t.true(near(halves[0] + halves[1], 50, 0.03), `${halves}`);
  t.true(halves[0] / halves[1] > 1.3, `${halves}`);
});

test('times that are not above zero stay as they are, whatever was measured', (t) => {
  const none = imagined([0], [stage(0, 0, 1)]);
  t.deepEqual(correctedByStages([none]), [none.blocks]);
});

test('a board that has measured nothing has the times of the reference; one half as fast has twice those of its twin', (t) => {
  const whole = ({ blocks }: ReturnType<typeof boardTimes>) =>
    sum(blocks.map((times) => times.forward + times.backward));
  const slow = aBoardLike({ secondsPerFlop: 2e-10, secondsPerByte: 1e-9, secondsPerCall: 6e-5 });
  const [one, two] = [aBoardLike(), slow].map((board) => whole(boardTimes(subject, surveyOf(board)))) as [
    number,
    number,
  ];
  t.true(near(two / one, 2, 0.1), `${two / one}`);
  t.true(whole(boardTimes(subject)) > 0);
});

test('what is remembered of a survey is of the same model, micro-batch and optimizer only', (t) => {
  const survey = surveyOf(aBoardLike());
  const { blocks } = boardTimes(subject, survey);
  const larger = boardTimes({ ...subject, model: { ...aModel, microBatch: 16 } }, survey).blocks;
  t.true(larger[0]!.forward > 1.5 * blocks[0]!.forward);
  const slots = boardTimes({ ...subject, optimizerSlots: 2 }, survey).blocks;
  t.true(slots[0]!.update > blocks[0]!.update);
  t.deepEqual(boardTimes(subject, survey).blocks, blocks);
  t.deepEqual(boardTimes(subject, structuredClone(survey)).blocks, blocks);
});

test("a stage that was measured takes what it took, with the call, in the board's times", (t) => {
  const board = aBoardLike();
  const stage = sourceOf(aModel, 1, 4);
  const survey = surveyOf(board, [stage]);
  const { blocks, callSeconds } = boardTimes(subject, survey);
  for (const work of worksOf(stage, { capabilities: { channelBlock: 8 }, optimizerSlots: 1 })) {
    const predicted = sum(blocks.slice(1, 5).map((times) => times[work.pass])) + callSeconds;
    t.true(near(predicted, trueSeconds(board, work)), work.pass);
  }
});

test('a profile knows which runs of blocks it has measured, of which model and at how many threads', (t) => {
  const { profile } = surveyOf(aBoardLike(), [sourceOf(aModel, 1, 4)]);
  t.true(hasMeasured(profile, aModel, 1, 4));
  t.false(hasMeasured(profile, aModel, 1, 3));
  t.false(hasMeasured(profile, { ...aModel, microBatch: 16 }, 1, 4));
  t.false(hasMeasured({ ...profile, threads: 2 }, aModel, 1, 4));
});

test('tensors over a cut cost by the bytes, none at both ends, and nothing where there is room beside computing', (t) => {
  const survey = surveyOf();
  const { cutSeconds } = boardTimes(subject, survey);
  t.is(cutSeconds!.length, blocksOfModel.length + 1);
  t.deepEqual([cutSeconds![0], cutSeconds![last + 1]], [0, 0]);
  t.is(cutSeconds![3], 1e-3 + 5e-9 * blocksOfModel[2]!.outputBytes);
  const beside = { ...survey, messages: { ...survey.messages!, besideComputing: true } };
  t.true(boardTimes(subject, beside).cutSeconds!.every((seconds) => seconds === 0));
});

test('links are as their transfers were, half of what all sizes share is the way there; others are taken for such', (t) => {
  const surveys = new Map([
    ['a', surveyOf(aBoardLike(), [], [{ to: 'b', transfers: transfersOf(12.5e6, 0.002) }])],
    ['b', surveyOf(aBoardLike(), [], [{ to: 'a', transfers: [] }])],
  ]);
  const links = linksBetween(surveys);
  const { bytesPerSecond, latencySeconds } = links.between('a', 'b');
  t.true(near(bytesPerSecond, 12.5e6, 0.05), `${bytesPerSecond}`);
  t.true(near(latencySeconds, 0.002, 0.1), `${latencySeconds}`);
  t.deepEqual(links.between('b', 'a'), links.between('a', 'b'));
  t.is(linksBetween(new Map()).everywhere, nominalLink);
});

test("a board's wire is as fast as the fastest of its links, and a link is the same object each time", (t) => {
  const to = (board: string, rate: number) => ({ to: board, transfers: transfersOf(rate, 0.002) });
  const surveys = new Map([
    ['a', surveyOf(aBoardLike(), [], [to('b', 12.5e6), to('c', 2.5e6)])],
    ['c', surveyOf(aBoardLike(), [], [to('a', 2.5e6)])],
  ]);
  const links = linksBetween(surveys);
  t.true(near(links.between('a', 'c').senderBytesPerSecond!, 12.5e6, 0.05));
  t.true(near(links.between('a', 'c').bytesPerSecond, 2.5e6, 0.05));
  t.true(near(links.between('c', 'b').senderBytesPerSecond!, 2.5e6, 0.05));
  t.is(links.between('a', 'c'), links.between('a', 'c'));
});

test('wishes and surveys survive the wire, and what is not one is refused with the path', (t) => {
  const survey = surveyOf(aBoardLike(), [], [{ to: 'b', transfers: transfersOf(1e7, 0.001) }]);
  const wire = formatSurvey(survey);
  t.deepEqual(parseSurvey(wire), survey);
  const wish = { model: aModel, budgetSeconds: 30, stages: [{ firstBlock: 0, lastBlock: 2 }], links: [] };
  t.deepEqual(parseWish(JSON.parse(JSON.stringify(wish))), wish);
  t.throws(() => parseWish({ ...wish, budgetSeconds: -1 }), {
    instanceOf: PlanFieldError,
    message: /wish\.budgetSeconds/,
  });
  t.throws(() => parseWish({ ...wish, more: 1 }), { message: /wish\.more/ });
  t.throws(() => parseSurvey({ ...wire, links: [{ to: 'b', transfers: [{ bytes: 0, seconds: 1 }] }] }), {
    message: /survey\.links\[0\]\.transfers\[0\]\.bytes/,
  });
  t.throws(() => parseSurvey({ ...wire, profile: { format: 'something' } }), { instanceOf: PredictorFileError });
});

test('rows of another factor move only the blocks of their stage against each other', (t) => {
  const board = aBoardLike();
  const { profile, ...rest } = surveyOf(board, [sourceOf(aModel, 0, 2)]);
  const slower = rowsOf(sourceOf(aModel, 3, last), board, 1.5);
  const measurements = [...profile.measurements, ...slower];
  const { blocks } = boardTimes(subject, { ...rest, profile: { ...profile, measurements } });
  const { blocks: before } = boardTimes(subject, surveyOf(board, [sourceOf(aModel, 0, 2), sourceOf(aModel, 3, last)]));
  t.true(near(blocks[1]!.forward, before[1]!.forward, 0.02));
  t.true(near(blocks[4]!.forward, 1.5 * before[4]!.forward, 0.05));
});
