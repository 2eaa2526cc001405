import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { prepareGround } from './ground.ts';
import { withJanitor } from './janitor.ts';

// For janitor.test.ts: plays a scene with a process in it, says what it has made, and goes on until it is killed.

await withJanitor(async (directory) => {
  const { wires, groups } = await prepareGround(directory, 1);
  const sleeper = spawn('sleep', ['600'], { cwd: directory, detached: true, stdio: 'ignore' });
  await writeFile(join(directory, 'disk', 'something'), 'x');
  const namespaces = wires.map(({ namespace }) => namespace);
  const directories = groups.flatMap(({ cpu, memory }) => [cpu, memory]).flatMap((part) => part?.directory ?? []);
  console.log(JSON.stringify({ directory, sleeper: sleeper.pid, namespaces, directories }));
  await once(process, 'SIGUSR2');
});
