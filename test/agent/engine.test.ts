import test from 'ava';
import {
  createOnnxEngine,
  type Engine,
  type StageSpecification,
  type StateTensor,
  startWorkerEngine,
} from '../../agent/index.ts';
import { buildModel, splitIntoBlocks } from '../../models/index.ts';

const microBatch = 4;
const microBatches = 2;
const inputShape = [3, 32, 32];
const { graph } = buildModel('cifarnet', { batch: microBatch, classes: 10, inputShape });
const lastBlock = splitIntoBlocks(graph).length - 1;

const specification = (firstBlock = 0, last = lastBlock, fused = false): StageSpecification => ({
  model: 'cifarnet',
  classes: 10,
  inputShape,
  microBatch,
  microBatches,
  firstBlock,
  lastBlock: last,
  fused,
  optimizer: { name: 'sgd', options: { momentum: 0.9, weightDecay: 1e-4 } },
  seed: 3,
  threads: 1,
});

const images = (seed: number) =>
  Float32Array.from({ length: microBatch * 3072 }, (_, i) => Math.sin(i * 0.37 + seed) * 1.5);
const labels = () => Int32Array.from({ length: microBatch }, (_, i) => i);

/** Every engine of the agent: what is asserted here holds for all of them. */
const engines: Readonly<Record<string, () => Promise<Engine>>> = {
  onnxruntime: async () => createOnnxEngine(),
  'onnxruntime in a worker': () => startWorkerEngine(AbortSignal.timeout(30_000)),
};

async function withEngines<T>(
  start: () => Promise<Engine>,
  count: number,
  use: (...all: Engine[]) => Promise<T>,
): Promise<T> {
  const all = await Promise.all(Array.from({ length: count }, start));
  try {
    return await use(...all);
  } finally {
    await Promise.all(all.map((engine) => engine.dispose()));
  }
}

/** The losses of some steps on one stage. */
async function trainWhole(engine: Engine, steps: number, fused: boolean): Promise<number[]> {
  await engine.load(specification(0, lastBlock, fused));
  const losses: number[] = [];
  for (let step = 0; step < steps; step++) {
    for (let part = 0; part < microBatches; part++) {
      const id = { step, microBatch: part };
      if (fused) losses.push((await engine.forwardBackward(id, images(part), labels())).value.loss);
      else {
        losses.push((await engine.forward(id, images(part), labels())).value[0]!);
        await engine.backward(id);
      }
    }
    await engine.update(step, 0.05);
  }
  return losses;
}

async function trainHalves(first: Engine, second: Engine, cut: number, steps: number): Promise<number[]> {
  await first.load(specification(0, cut));
  await second.load(specification(cut + 1, lastBlock));
  const losses: number[] = [];
  for (let step = 0; step < steps; step++) {
    for (let part = 0; part < microBatches; part++) {
      const id = { step, microBatch: part };
      const { value: activation } = await first.forward(id, images(part));
      losses.push((await second.forward(id, activation, labels())).value[0]!);
      await first.backward(id, (await second.backward(id)).value);
    }
    await first.update(step, 0.05);
    await second.update(step, 0.05);
  }
  return losses;
}

/** Arrays that go in belong to the engine, so what is used again is copied. */
const copyOf = (tensors: readonly StateTensor[]) => tensors.map((tensor) => ({ ...tensor, data: tensor.data.slice() }));

const bytesOf = (tensors: readonly StateTensor[]) => tensors.map(({ name, shape, data }) => [name, shape, [...data]]);

for (const [name, start] of Object.entries(engines)) {
  test(`${name}: load describes the stage`, async (t) => {
    await withEngines(start, 1, async (engine) => {
      const whole = await engine!.load(specification());
      t.deepEqual([whole.isFirst, whole.isLoss, [...whole.outputShape]], [true, true, []]);
      t.deepEqual([...whole.inputShape], [microBatch, ...inputShape]);
      const first = await engine!.load(specification(0, 1));
      const second = await engine!.load(specification(2, lastBlock));
      t.deepEqual([first.isFirst, first.isLoss, second.isFirst, second.isLoss], [true, false, false, true]);
      t.deepEqual([...first.outputShape], [...second.inputShape]);
      t.deepEqual([...first.parameters, ...second.parameters].sort(), [...whole.parameters].sort());
      t.deepEqual([...second.state.keys()], [...whole.state.keys()].slice(2));
      for (const [block, layout] of second.state) {
        const state = await engine!.getState(block);
        t.deepEqual(
          layout,
          state.map(({ name: tensor, shape }) => ({ name: tensor, shape })),
        );
      }
    });
  });

  test(`${name}: a blank stage begins with zeros, and one that is unloaded makes room for another`, async (t) => {
    await withEngines(start, 2, async (engine, other) => {
      await engine!.load(specification(), { isBlank: true });
      t.true((await engine!.getState(0)).every(({ data }) => data.every((value) => value === 0)));
      await engine!.unload();
      await t.throwsAsync(async () => engine!.getState(0), { code: 'ENGINE_NOT_LOADED' });
      await engine!.load(specification());
      await other!.load(specification());
      t.deepEqual(bytesOf(await engine!.getState(0)), bytesOf(await other!.getState(0)));
    });
  });

  test(`${name}: forward and backward as one give the losses that they give one by one`, async (t) => {
    await withEngines(start, 2, async (one, other) => {
      const apart = await trainWhole(one!, 3, false);
      const fused = await trainWhole(other!, 3, true);
      for (const [i, loss] of fused.entries())
        t.true(Math.abs(loss - apart[i]!) <= 1e-5 * apart[i]!, `${loss} ${apart[i]}`);
    });
  });

  test(`${name}: two stages give the same losses as one, to the last bit`, async (t) => {
    await withEngines(start, 3, async (whole, first, second) => {
      t.deepEqual(await trainHalves(first!, second!, 2, 3), await trainWhole(whole!, 3, false));
    });
  });

  test(`${name}: state that is set is what get gives, and training goes on from it`, async (t) => {
    await withEngines(start, 2, async (one, other) => {
      await trainWhole(one!, 2, false);
      await other!.load(specification());
      for (let block = 0; block <= lastBlock; block++) {
        const state = await one!.getState(block);
        await other!.setState(block, await one!.getState(block));
        t.deepEqual(bytesOf(await other!.getState(block)), bytesOf(state));
      }
      const id = { step: 2, microBatch: 0 };
      const losses = [one!, other!].map(async (engine) => (await engine.forward(id, images(0), labels())).value[0]);
      t.is(await losses[1], await losses[0]);
    });
  });

  test(`${name}: state of another block is refused and changes nothing`, async (t) => {
    await withEngines(start, 1, async (engine) => {
      await engine!.load(specification());
      const before = bytesOf(await engine!.getState(0));
      const changed = (await engine!.getState(0)).map((tensor) => ({ ...tensor, data: tensor.data.map((v) => v + 1) }));
      const wrong = [
        changed.slice(1),
        [...changed, { name: 'stranger', shape: [1], data: new Float32Array(1) }],
        changed.map((tensor, i) =>
          i === changed.length - 1 ? { ...tensor, shape: [1], data: new Float32Array(1) } : tensor,
        ),
      ];
      for (const tensors of wrong) {
        const error = (await t.throwsAsync(engine!.setState(0, copyOf(tensors)))) as Error & { code: string };
        t.is(error.code, 'ENGINE_STATE');
      }
      t.deepEqual(bytesOf(await engine!.getState(0)), before);
    });
  });

  test(`${name}: calls before load are refused by name`, async (t) => {
    await withEngines(start, 1, async (engine) => {
      const calls = [
        async () => engine!.forward({ step: 0, microBatch: 0 }, images(0), labels()),
        async () => engine!.backward({ step: 0, microBatch: 0 }),
        async () => engine!.update(0, 0.1),
        async () => engine!.getState(0),
      ];
      for (const call of calls) {
        const error = (await t.throwsAsync(call)) as Error & { code: string };
        t.is(error.code, 'ENGINE_NOT_LOADED');
      }
    });
  });

  test(`${name}: after dispose calls reject`, async (t) => {
    const engine = await start();
    await engine.load(specification(0, 0));
    await engine.dispose();
    await t.throwsAsync(async () => engine.getState(0));
  });

  test(`${name}: a gradient scale acts on the update as on the learning rate, and the norms tell the gradients`, async (t) => {
    await withEngines(start, 1, async (engine) => {
      const description = await engine!.load({
        ...specification(),
        optimizer: { name: 'sgd', options: { clipNorm: 1 } },
      });
      const values = async () => {
        const all = new Map<string, Float32Array>();
        for (let block = 0; block <= lastBlock; block++) {
          for (const { name: tensor, data } of await engine!.getState(block)) all.set(tensor, data);
        }
        return all;
      };
      const before = await values();
      for (let part = 0; part < microBatches; part++) {
        await engine!.forward({ step: 0, microBatch: part }, images(part), labels());
        await engine!.backward({ step: 0, microBatch: part });
      }
      const { value: norms } = await engine!.gradientNorms();
      t.is(norms.length, description.parameters.length);
      const scale = 1 / Math.sqrt(norms.reduce((sum, each) => sum + each, 0));
      await engine!.update(0, 1, scale);
      const after = await values();
      // With plain SGD at rate 1 the change is the scaled gradient: its norm must be the one that was reported.
      for (const [i, parameter] of description.parameters.entries()) {
        const old = before.get(parameter)!;
        const squared = after.get(parameter)!.reduce((sum, value, at) => sum + (old[at]! - value) ** 2, 0);
        const expected = norms[i]! * scale * scale;
        t.true(Math.abs(squared - expected) <= 1e-3 * expected + 1e-9, `${parameter}: ${squared}, not ${expected}`);
      }
    });
  });
}
