import { defineCommand } from '../command.ts';
import { cleanLabs } from '../lab/index.ts';

export const labClean = defineCommand({
  name: 'lab clean',
  summary: 'Remove what a lab has left that was killed; labs that run are left alone.',
  options: {},
  examples: ['flotilla lab clean'],
  async run(_input, { output }) {
    const { removed, running } = await cleanLabs();
    for (const { lab, processes, namespaces, groups } of removed) {
      const what = `${processes} processes, ${namespaces} network namespaces, ${groups} control groups`;
      output.line(`Removed what was left of lab ${lab}: ${what}.`);
    }
    for (const lab of running) output.line(`Lab ${lab} runs: left alone.`);
    if (removed.length === 0) output.line('No lab has left anything.');
    return { report: { removed, running } };
  },
});
