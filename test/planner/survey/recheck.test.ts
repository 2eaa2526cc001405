import test from 'ava';
import { type BoardSurvey, recheckRun, remeasured } from '../../../planner/index.ts';
import { aBoardLike } from '../predictor/boards.ts';
import { aModel, rowsOf, sourceOf, surveyOf } from './examples.ts';

const board = aBoardLike();
const known = surveyOf(board, [sourceOf(aModel, 0), sourceOf(aModel, 0, 3), sourceOf(aModel, 4, 5)]);

/** After it has measured a stage again, so many times as slow. */
function again(before: BoardSurvey, factor: number): BoardSurvey {
  const { firstBlock, lastBlock } = recheckRun(before, aModel)!;
  const rows = rowsOf(sourceOf(aModel, firstBlock, lastBlock), board, factor);
  const { profile } = before;
  return { ...before, profile: { ...profile, measurements: [...profile.measurements, ...rows] } };
}

test('the longest stage that is soon measured is measured again', (t) => {
  t.deepEqual(recheckRun(known, aModel), { firstBlock: 0, lastBlock: 3 });
});

test('a board that has measured single blocks only has no stage to measure again', (t) => {
  t.is(recheckRun(surveyOf(board, [sourceOf(aModel, 0)]), aModel), undefined);
  t.is(recheckRun(known, { ...aModel, microBatch: 16 }), undefined);
});

test('a stage that is measured again tells how many times as slow a board is now', (t) => {
  const news = remeasured(known, again(again(known, 3), 2), aModel);
  t.is(news?.kind, 'slowdown');
  t.true(news?.kind === 'slowdown' && Math.abs(news.factor - 2) < 1e-9);
});

test('a stage that is new to the board tells what it takes', (t) => {
  const { profile } = known;
  const rows = rowsOf(sourceOf(aModel, 1, 2), board);
  const now = { ...known, profile: { ...profile, measurements: [...profile.measurements, ...rows] } };
  t.deepEqual(remeasured(known, now, aModel), { kind: 'new', rows });
});

test('a board that has measured nothing new has not changed as far as anybody knows', (t) => {
  t.is(remeasured(known, known, aModel), undefined);
});
