import { setTimeout as wait } from 'node:timers/promises';
import test from 'ava';
import { initialCredit, settle } from '../../../cli/lab/duty/credit.ts';
import { startDutyCycle } from '../../../cli/lab/duty/index.ts';
import { parseStat } from '../../../cli/lab/processes.ts';
import { busyProcess, stateOf } from './support.ts';

/** What a process computes that always wants to, looked at every 2 ms. */
function shareOf(quota: number, seconds: number): number {
  const tick = 0.002;
  let credit = initialCredit;
  let used = 0;
  for (let time = 0; time < seconds; time += tick) {
    const now = credit.stopped ? 0 : tick;
    used += now;
    credit = settle(credit, quota, tick, now);
  }
  return used / seconds;
}

test('a process that always wants to compute gets its quota', (t) => {
  for (const quota of [0.1, 0.37, 0.8]) t.true(Math.abs(shareOf(quota, 10) - quota) < 0.005, String(quota));
});

test('two threads at once use the credit twice as fast', (t) => {
  t.true(settle(initialCredit, 0.4, 0.002, 0.004).stopped);
});

test('what is not used is lost: after a pause a process is no faster than its quota', (t) => {
  const rested = settle(initialCredit, 0.2, 60, 0);
  t.true(rested.seconds <= 0.002);
  t.true(settle(rested, 0.2, 0.002, 0.002).seconds <= 0.0005);
});

test('a process is told from a later one of the same number by its start', (t) => {
  const stat = '812 (a (b) c) S 1 812 812 0 -1 4194560 1 0 0 0 5 6 0 0 20 0 11 0 98765 1 2 3';
  t.deepEqual(parseStat(stat), { pid: 812, startTicks: 98_765 });
  t.is(parseStat(stat.replace(') S ', ') Z ')), undefined);
  t.is(parseStat(''), undefined);
});

test.serial('without rights a busy process is held to its share by stopping it, and lives on afterwards', async (t) => {
  if (process.platform !== 'linux') return t.pass('skipped: processor times are read from /proc');
  const quota = 0.2;
  const { pid, cpuSeconds } = await busyProcess(t);
  const duty = startDutyCycle();
  try {
    duty.hold(pid, quota);
    await wait(200);
    const [before, start] = [await cpuSeconds(), performance.now()];
    await wait(2_000);
    const share = ((await cpuSeconds()) - before) / ((performance.now() - start) / 1000);
    t.log(`quota ${quota}, measured ${share.toFixed(3)}`);
    t.true(share < 1.5 * quota, `used ${share}`);
    t.true(share > 0.1 * quota, `used ${share}`);
    const [use] = await duty.uses();
    t.is(use?.pid, pid);
    t.true(use!.cpuSeconds > 0);
  } finally {
    await duty.close();
  }
  await wait(50);
  t.not(await stateOf(pid), 'T', 'nothing stays stopped');
});

test.serial('a process that ends while it is held disturbs nobody', async (t) => {
  if (process.platform !== 'linux') return t.pass('skipped: processor times are read from /proc');
  const { pid } = await busyProcess(t);
  const duty = startDutyCycle();
  duty.hold(pid, 0.5);
  await wait(50);
  process.kill(pid, 'SIGKILL');
  for (let attempt = 0; attempt < 600 && (await duty.uses()).length > 0; attempt++) await wait(50);
  t.deepEqual(await duty.uses(), []);
  await duty.close();
});
