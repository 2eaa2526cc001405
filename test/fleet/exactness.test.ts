import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { modelNames } from '../../models/index.ts';
import { inTemporaryDirectory, lossesOf, patienceMilliseconds, runFlotilla, writeSensorData } from './helpers.ts';

/** `FLOTILLA_FULL=1` trains every model for 20 steps on every number of boards; it takes many minutes. */
const full = process.env.FLOTILLA_FULL === '1';
const steps = full ? 20 : 3;
const everyNumber = [2, 3, 4];
const quick: Readonly<Record<string, readonly number[]>> = {
  mlp: everyNumber,
  harcnn: everyNumber,
  cifarnet: everyNumber,
};

/** Two boards, cut where two tensors cross: between the convolutions of a residual block, and in front of a depthwise one. */
const insideBlocks: Readonly<Record<string, string>> = { resnet18: '0-3,4-20', mobilenetv2: '0-6,7-52' };

async function losses(
  t: ExecutionContext,
  root: string,
  model: string,
  boards: number,
  options: readonly string[] = [],
): Promise<number[]> {
  const out = join(root, [boards, ...options].join(''));
  const data = model === 'harcnn' ? join(root, 'sensors') : 'shapes';
  const { code, stderr } = await runFlotilla(
    `train --model ${model} --data ${data} --boards ${boards} --steps ${steps} --batch 8 --micro-batches 4 --lr 0.01
     --train-limit 400 --test-limit 20 --out ${out} --json`
      .split(/\s+/)
      .concat(options),
  );
  t.is(code, 0, stderr);
  return lossesOf(out);
}

function same(t: ExecutionContext, found: readonly number[], alone: readonly number[], how: string): void {
  t.is(found.length, alone.length, how);
  for (const [step, loss] of found.entries()) {
    const difference = Math.abs(loss - alone[step]!) / Math.abs(alone[step]!);
    t.true(difference <= 1e-5, `${how}, step ${step}: ${loss}, not ${alone[step]}`);
  }
}

for (const model of modelNames) {
  const numbers = full ? everyNumber : (quick[model] ?? [4]);
  test.serial(`${model}: ${steps} steps on 1 and on ${numbers.join(', ')} boards give the same losses`, async (t) => {
    t.timeout(full ? 1_200_000 : patienceMilliseconds);
    await inTemporaryDirectory(async (root) => {
      await mkdir(join(root, 'sensors'));
      await writeSensorData(join(root, 'sensors'));
      const alone = await losses(t, root, model, 1);
      t.is(alone.length, steps);
      for (const boards of numbers) same(t, await losses(t, root, model, boards), alone, `${boards} boards`);
      const split = insideBlocks[model];
      if (split !== undefined)
        same(t, await losses(t, root, model, 2, ['--cuts', 'double', '--split', split]), alone, split);
    });
  });
}
