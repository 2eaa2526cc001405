import { type Churn, planScenario, type Scenario, simulateChurn } from '../../planner/index.ts';
import { type Context, defineCommand, type Outcome } from '../command.ts';
import { flag, text } from '../options/index.ts';
import { planReport, printPlan, writeChart } from '../planning/report.ts';
import { readScenario } from '../planning/scenarios.ts';

export const simulateCommand = defineCommand({
  name: 'simulate',
  summary: 'Play a step of a fleet that need not exist, in virtual time.',
  details: [
    'The scenario names boards, links and a model; docs/planner.md lists its keys. With `churn` in it, boards leave and ' +
      'join, and the work is shared out anew after each change.',
  ],
  arguments: [{ name: 'SCENARIO', about: 'a YAML file' }],
  options: {
    svg: text('FILE', 'also write the chart of a step as SVG'),
    explain: flag('say in words who waits for whom, who is left out and why'),
  },
  examples: ['flotilla simulate scenario.yaml', 'flotilla simulate scenario.yaml --svg step.svg --json'],
  async run({ options, arguments: [file] }, context) {
    const scenario = await readScenario(file!);
    if (scenario.churn !== undefined) return playChurn(scenario, scenario.churn, context);
    const planned = planScenario(scenario);
    printPlan(planned, scenario, context.output, options.explain);
    if (options.svg !== undefined) await writeChart(planned, options.svg);
    return { report: planReport(planned, scenario) };
  },
});

const milliseconds = (seconds: number) => `${(1000 * seconds).toFixed(0)} ms`;

async function playChurn(scenario: Scenario, churn: Churn, { output, interrupts }: Context): Promise<Outcome> {
  const summary = simulateChurn(scenario, churn, {
    onChange: ({ at, kind, board, online }) => {
      interrupts.gentle.throwIfAborted();
      output.status(`${(at / 60).toFixed(1)} min: ${board} ${kind}, ${online.length} boards online`);
    },
  });
  const { changes, plans, without, interrupted, samples, seconds, boardsUsed, stepSeconds } = summary;
  output.line(
    `${changes} changes in ${(seconds / 60).toFixed(1)} minutes of a fleet of ${scenario.boards.length} boards: ${plans} plans` +
      `${without > 0 ? `, and ${without} times no plan that fits` : ''}.`,
  );
  output.line(
    `${boardsUsed.least} to ${boardsUsed.most} boards at work, a step takes ${milliseconds(stepSeconds.least)} to ${milliseconds(stepSeconds.most)}.`,
  );
  output.line(
    `${samples} samples trained, ${(samples / seconds).toFixed(1)} a second; ${interrupted} steps were lost with a board.`,
  );
  return { report: summary };
}
