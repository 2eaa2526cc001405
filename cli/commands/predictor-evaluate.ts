import { type BoardReport, leaveOneBoardOut, trialsOf } from '../../planner/index.ts';
import { defineCommand } from '../command.ts';
import { required, text } from '../options/index.ts';
import { readRecordings } from '../predictor/files.ts';
import { percent } from '../train/closing-table.ts';

export const predictorEvaluate = defineCommand({
  name: 'predictor evaluate',
  summary: 'Tell how well boards that were not trained on are predicted, each board left out in turn.',
  options: { recordings: required(text('DIR', 'the directory of the recordings, one file a board')) },
  examples: ['flotilla predictor evaluate --recordings bench/recordings'],
  async run({ options }, { output }) {
    const boards = (await readRecordings(options.recordings)).map(trialsOf);
    output.line('mean error after the probe and 0, 10, 100 blocks; of stages; and of the others after 10 blocks');
    const reports = leaveOneBoardOut(boards, undefined, (report) => output.line(line(report)));
    return { report: { boards: reports } };
  },
});

function line({ board, unseen, stages, baselines }: BoardReport): string {
  const own = [unseen[0], unseen[10], unseen[100], stages].map((error) => cell(error).padStart(8)).join('');
  const others = Object.entries(baselines).map(([name, error]) => `${name} ${percent(error)}`);
  return `${board.padEnd(34)}${own}   ${others.join(', ')}`;
}

/** What was not recorded has no error. */
const cell = (error: number) => (Number.isNaN(error) ? '–' : percent(error));
