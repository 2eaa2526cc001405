import test from 'ava';
import { buildModel, initialValues, type Parameter, splitIntoBlocks, stageOf } from '../../models/index.ts';

function aParameter(overrides: Partial<Parameter> = {}): Parameter {
  return {
    name: 'layer.weight',
    type: { dataType: 'float32', shape: [100, 50] },
    initializer: { kind: 'uniform', bound: 0.25 },
    kind: 'trainable',
    ...overrides,
  };
}

test('the same parameter and seed give the same values, another name or seed gives others', (t) => {
  const values = initialValues(aParameter(), 1);
  t.deepEqual(initialValues(aParameter(), 1), values);
  t.notDeepEqual(initialValues(aParameter({ name: 'other.weight' }), 1), values);
  t.notDeepEqual(initialValues(aParameter(), 2), values);
});

test('uniform values fill their bounds', (t) => {
  const values = initialValues(aParameter(), 3);
  t.is(values.length, 5000);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  t.true(low >= -0.25 && low < -0.249 && high <= 0.25 && high > 0.249, `${low} to ${high}`);
});

test('normal values have their deviation', (t) => {
  const values = initialValues(aParameter({ initializer: { kind: 'normal', deviation: 2 } }), 3);
  const deviation = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
  t.true(Math.abs(deviation - 2) < 0.1, `${deviation}`);
});

test('constant values are that constant', (t) => {
  const values = initialValues(aParameter({ initializer: { kind: 'constant', value: 1 } }), 3);
  t.true(values.every((value) => value === 1));
});

test('a board that holds a stage starts from the values that the whole model has', (t) => {
  const { graph } = buildModel('cifarnet', { batch: 2, classes: 10, inputShape: [3, 32, 32] });
  const blocks = splitIntoBlocks(graph);
  const last = stageOf(graph, blocks, blocks.length - 2, blocks.length - 1);
  for (const parameter of last.graph.parameters) {
    const whole = graph.parameters.find(({ name }) => name === parameter.name)!;
    t.deepEqual(initialValues(parameter, 5), initialValues(whole, 5));
  }
});
