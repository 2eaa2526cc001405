import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { changeQuota, enterGroup, groupUse } from '../../../cli/lab/cgroup/index.ts';
import { cleanLabs } from '../../../cli/lab/clean.ts';
import { makeLabDirectory } from '../../../cli/lab/directory.ts';
import { type Ground, makeGround } from '../../../cli/lab/ground.ts';
import { namespacePath } from '../../../cli/lab/network/index.ts';
import { removeLab } from '../../../cli/lab/remove.ts';
import { parseScenario } from '../../../cli/lab/scenario/index.ts';
import { directoryFor } from '../support.ts';
import { busyProcess, inNamespace, outputOf, whyNoMemoryLimit, whyNoNetwork, whyNoQuota } from './support.ts';

/** The ground of a scenario for the time of `use`; nothing of it may be left afterwards. */
async function onGround(t: ExecutionContext, text: string, use: (ground: Ground) => Promise<void>): Promise<void> {
  const root = join(await directoryFor(t), 'labs');
  const directory = await makeLabDirectory(root);
  let ground: Ground | undefined;
  try {
    const needs = { directory, signal: new AbortController().signal, loopbackAddress: () => '127.0.0.2' };
    ground = await makeGround(parseScenario(text, 'test.yaml'), needs);
    await use(ground);
  } finally {
    await ground?.network?.relay?.stop();
    await removeLab(directory);
  }
  const namespaces = await readdir('/run/netns').catch(() => []);
  t.false(namespaces.some((name) => name.includes(directory.id)));
  await t.throwsAsync(readdir(root), { code: 'ENOENT' });
}

test.serial('a busy process in a group of 0.2 of a core gets 0.2 of a core', async (t) => {
  const why = await whyNoQuota();
  if (why !== undefined) return t.pass(why);
  await onGround(t, 'boards: [{ name: a, quota: 0.2 }]', async ({ description }) => {
    const group = description.boards[0]!.group!;
    const { pid, cpuSeconds } = await busyProcess(t);
    enterGroup(group, pid);
    await wait(100);
    const [before, start] = [await cpuSeconds(), performance.now()];
    await wait(2_000);
    const share = ((await cpuSeconds()) - before) / ((performance.now() - start) / 1000);
    const use = (await groupUse(group))!;
    t.log(`quota 0.2, measured ${share.toFixed(3)}, held back in ${use.throttledShare.toFixed(2)} of the periods`);
    t.true(share < 0.26, `used ${share}`);
    t.true(share > 0.05, `used ${share}`);
    t.true(use.cpuSeconds > 0);
    await changeQuota(group, 0.6);
    // Again where the machine had no more to give: it does other things as well.
    let after = 0;
    for (let attempt = 0; attempt < 20 && after <= share * 1.4; attempt++) {
      const [half, then] = [await cpuSeconds(), performance.now()];
      await wait(1_500);
      after = ((await cpuSeconds()) - half) / ((performance.now() - then) / 1000);
    }
    t.true(after > share * 1.4, `used ${after} of 0.6, after ${share} of 0.2`);
  });
});

/** Takes 300 MB, once it is told to. */
const GREEDY = `process.stdin.once('data', () => {
  const taken = [];
  for (let count = 0; count < 30; count++) taken.push(Buffer.alloc(10e6, 1));
  process.exit(0);
});`;

const address = (index: number) => `10.213.0.${index + 2}`;

test.serial('a process that wants more than the memory of its group is ended by the kernel', async (t) => {
  const why = await whyNoMemoryLimit();
  if (why !== undefined) return t.pass(why);
  await onGround(t, 'boards: [{ name: a, memory: 100 MB }]', async ({ description }) => {
    const greedy = spawn(process.execPath, ['-e', GREEDY], { stdio: ['pipe', 'ignore', 'ignore'] });
    t.teardown(() => greedy.kill('SIGKILL'));
    enterGroup(description.boards[0]!.group!, greedy.pid!);
    const ended = once(greedy, 'exit');
    greedy.stdin.write('now');
    const [, signal] = await Promise.race([ended, wait(20_000, [null, 'nothing'])]);
    t.is(signal, 'SIGKILL');
  });
});

test.serial('a link has the rate and the delay that the scenario gives it', async (t) => {
  const why = await whyNoNetwork();
  if (why !== undefined) return t.pass(why);
  const scenario = 'link: { rate: 20 Mbit/s, delay: 10 ms }\nboards: [{ name: a }, { name: b }]';
  await onGround(t, scenario, async ({ description, network }) => {
    const [a, b] = description.boards.map(({ namespace }) => namespace!);
    // Echoes what is short, and says how fast the rest came.
    const server = inNamespace(
      t,
      b!,
      `require('net').createServer((socket) => {
        let bytes = 0, since;
        socket.on('data', (data) => {
          if (data.length === 1) return socket.write(data);
          since ??= performance.now();
          bytes += data.length;
        }).on('end', () => {
          if (bytes > 0) console.log(JSON.stringify({ megabits: (8e-3 * bytes) / (performance.now() - since) }));
          socket.end();
          if (bytes > 0) process.exit();
        });
      }).listen(5000, '${address(1)}', () => console.log('listening'));`,
    );
    await once(server.stdout!, 'data');
    const pings = inNamespace(
      t,
      a!,
      `const socket = require('net').connect(5000, '${address(1)}');
      socket.setNoDelay(true);
      const times = [];
      let sent;
      const ping = () => { sent = performance.now(); socket.write('x'); };
      socket.on('connect', ping).on('data', () => {
        times.push(performance.now() - sent);
        if (times.length < 5) return ping();
        console.log(Math.min(...times));
        socket.end();
      });`,
    );
    const roundTrip = Number(await outputOf(pings));
    const rate = outputOf(server);
    inNamespace(t, a!, `require('net').connect(5000, '${address(1)}').end(Buffer.alloc(4e6))`);
    const { megabits } = JSON.parse((await rate).trim().split('\n').at(-1)!) as { megabits: number };
    t.log(`${network?.switching}: round trip ${roundTrip.toFixed(1)} ms of 20, ${megabits.toFixed(1)} Mbit/s of 20`);
    t.true(roundTrip >= 19.5 && roundTrip < 100, `round trip ${roundTrip} ms`);
    t.true(megabits > 8 && megabits < 22, `${megabits} Mbit/s`);
  });
});

test.serial('a link loses the share of frames that the scenario gives it', async (t) => {
  const why = await whyNoNetwork();
  if (why !== undefined) return t.pass(why);
  const scenario = 'link: { loss: 30 % }\nboards: [{ name: a }, { name: b }]';
  await onGround(t, scenario, async ({ description }) => {
    const [a, b] = description.boards.map(({ namespace }) => namespace!);
    // Counting begins when the two have found each other: before, datagrams pile up and come all at once.
    const receiver = inNamespace(
      t,
      b!,
      `const socket = require('dgram').createSocket('udp4');
      let count = 0, timer = setTimeout(() => process.exit(), 30000);
      const end = () => { console.log(count / 600); process.exit(); };
      socket.on('message', (data, { address, port }) => {
        if (String(data) === 'hello') return socket.send('hello', port, address);
        count++;
        if (Number(data) > 580) clearTimeout(timer), (timer = setTimeout(end, 500));
      }).bind(5000, '${address(1)}', () => console.log('listening'));`,
    );
    await once(receiver.stdout!, 'data');
    const received = outputOf(receiver);
    inNamespace(
      t,
      a!,
      `const socket = require('dgram').createSocket('udp4');
      const send = (text) => socket.send(text, 5000, '${address(1)}', () => {});
      const knocking = setInterval(send, 100, 'hello');
      socket.once('message', () => {
        clearInterval(knocking);
        let next = 0;
        const timer = setInterval(() => {
          if (next === 600) return clearInterval(timer), socket.close();
          send(String(next++));
        }, 5);
      });`,
    );
    const share = Number((await received).trim().split('\n').at(-1));
    t.log(`${(100 * share).toFixed(0)} % of the datagrams came through a link that loses 30 %`);
    t.true(share > 0.5 && share < 0.9, String(share));
  });
});

test.serial('namespaces are gone when the making of a lab fails half-way', async (t) => {
  const why = await whyNoNetwork();
  if (why !== undefined) return t.pass(why);
  const root = join(await directoryFor(t), 'labs');
  const directory = await makeLabDirectory(root);
  const signal = AbortSignal.abort(new Error('stopped half-way'));
  const scenario = parseScenario('link: { rate: 1 Mbit/s }\nboards: [{ name: a, quota: 0.5 }]', 'test.yaml');
  const making = makeGround(scenario, { directory, signal, loopbackAddress: () => '127.0.0.2' });
  await t.throwsAsync(making, { message: 'stopped half-way' });
  const made = await readdir('/run/netns');
  t.true(
    made.some((name) => namespacePath(name).includes(directory.id)),
    'it had begun',
  );
  t.like(await removeLab(directory), { namespaces: 2 });
  t.false((await readdir('/run/netns').catch(() => [])).some((name) => name.includes(directory.id)));
});

test.serial(
  'lab clean leaves a lab alone whose keeper lives, and takes one whose number has a new owner',
  async (t) => {
    if (process.platform !== 'linux') return t.pass('skipped: keepers are found in /proc');
    const root = join(await directoryFor(t), 'labs');
    const living = await makeLabDirectory(root);
    const dead = `${process.pid}-1`;
    await mkdir(join(root, dead));
    const { removed, running } = await cleanLabs(root);
    t.deepEqual(running, [living.id]);
    t.like(removed, [{ lab: dead, processes: 0, namespaces: 0, groups: 0 }]);
    t.deepEqual(await readdir(root), [living.id]);
  },
);
