import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { openRunLog, registerOf } from '../../../cli/runs/index.ts';
import { freePort } from '../../fleet/helpers.ts';
import { directoryFor, flotilla, start } from '../support.ts';

test.serial(
  'a hub names the runs that it does not go on with: damaged logs and checkpoints, boards that two want',
  async (t) => {
    const directory = await directoryFor(t);
    await flotilla(t, directory, 'fleet', 'init', 'shed', '--boards', '4', '--hub', `127.0.0.1:${await freePort()}`);
    const fleets = join(directory, 'fleets');
    const register = registerOf(fleets, 'shed');
    const leave = async (run: string, boards: readonly string[]): Promise<string> => {
      const place = join(directory, run);
      await mkdir(join(place, 'checkpoints'), { recursive: true });
      const typed = { model: 'mlp', boards: boards.join(), fleet: 'shed', fleets, steps: '40' };
      openRunLog(place, { kind: 'taken-up', run, term: 1, boards, from: null, newest: null, typed }, t.fail);
      await register.enter(run, place);
      return place;
    };
    await writeFile(
      join(await leave('torn', ['board1']), 'checkpoints', 'checkpoint-00001-step-20.json'),
      '{"version": 1',
    );
    await writeFile(join(await leave('scratched', ['board2']), 'run.log'), 'term 3\n');
    for (const run of ['one', 'other']) await leave(run, ['board3', 'board4']);
    const hub = start(t, directory, ['hub', '--fleet', 'shed']);
    await hub.until(
      /Run torn is left alone: error: '.*checkpoint-00001-step-20\.json' is truncated.*CHECKPOINT_TRUNCATED/,
    );
    await hub.until(/Run scratched has no process and is left alone: '.*run\.log' is damaged: line 1 is "term 3"/);
    await hub.until(
      /Run one has no process and is left alone: run other \('.*other'\) wants board3 too; go on with it by/,
    );
    await hub.until(/Run other has no process and is left alone: run one \('.*one'\) wants board3 too/);
    t.is(hub.said().match(/goes on\./g)?.length, 1, 'only the one whose checkpoint is damaged was begun');
    hub.child.kill('SIGTERM');
    t.is((await hub.ended).exitCode, 0);
  },
);
