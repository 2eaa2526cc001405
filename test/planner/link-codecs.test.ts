import test from 'ava';
import { parseLinkCodecs, parsePlan, type TensorCodec } from '../../planner/index.ts';

const asked: Readonly<Record<string, readonly [TensorCodec, TensorCodec]>> = {
  '4/8': [{ bits: 4 }, { bits: 8 }],
  4: [{ bits: 4 }, { bits: 4 }],
  'bfloat16/none': [{ bits: 16 }, { bits: 32 }],
  float16: [
    { bits: 16, float16: true },
    { bits: 16, float16: true },
  ],
  '2+hadamard+group128/8+huffman+feedback': [
    { bits: 2, hadamard: true, group: 128 },
    { bits: 8, huffman: true, feedback: true },
  ],
  '4+mask/16': [{ bits: 4, zeroMask: true }, { bits: 16 }],
};

for (const [text, [forward, backward]] of Object.entries(asked)) {
  test(`'${text}' says how both directions encode`, (t) => {
    t.deepEqual(parseLinkCodecs(text), { forward, backward });
  });
}

test("'none', '32' and 'float32' encode nothing", (t) => {
  for (const text of ['none', '32', 'float32', 'none/none']) t.is(parseLinkCodecs(text), null);
});

const strange = [
  '',
  '9',
  '4/',
  '4/8/8',
  '04',
  '4+',
  '4+zip',
  '16+mask',
  '4+mask+hadamard',
  'none+feedback',
  '-4',
  'toString',
];
for (const text of strange) {
  test(`'${text}' is refused by name, and what is known is said`, (t) => {
    const error = t.throws(() => parseLinkCodecs(text), { code: 'CODEC_SPEC' });
    t.is((error as Error & { exitCode?: number }).exitCode, 2);
  });
}

test('gradients of fewer bits than the activations are refused', (t) => {
  t.throws(() => parseLinkCodecs('8/4'), {
    code: 'GRADIENT_BITS',
    message: /gradients of 4 bits and activations of 8/,
  });
  t.throws(() => parseLinkCodecs('none/8'), { code: 'GRADIENT_BITS' });
});

/** Of two boards. */
const plan = (codecs: unknown) => ({
  ...{ version: 1, run: 'run-1', term: 1, blocks: 2, batch: 8, microBatches: 2, schedule: '1f1b', seed: 1 },
  model: { name: 'mlp', options: {} },
  optimizer: { name: 'sgd', options: {} },
  learningRate: { name: 'constant', options: {} },
  stages: ['board1', 'board2'].map((board, stage) => ({
    ...{ stage, board, firstBlock: stage, lastBlock: stage, predictedSeconds: 1, flopsShare: 0.5, memoryBytes: 1 },
  })),
  codecs,
});
const link = { forward: { bits: 4 }, backward: { bits: 8 } };

test('a plan keeps the codecs of its links', (t) => {
  const codecs = { warmUpSteps: 3, links: [link] };
  t.deepEqual(parsePlan(plan(codecs)).codecs, codecs);
});

const wrong: Readonly<Record<string, readonly [codecs: unknown, code: string]>> = {
  'codecs of a link too many': [{ warmUpSteps: 0, links: [link, link] }, 'PLAN_CONFLICT'],
  'gradients narrower than activations': [
    { warmUpSteps: 0, links: [{ forward: { bits: 8 }, backward: { bits: 4 } }] },
    'GRADIENT_BITS',
  ],
  '9 bits': [{ warmUpSteps: 0, links: [{ ...link, backward: { bits: 9 } }] }, 'PLAN_FIELD'],
  'a group of 48': [{ warmUpSteps: 0, links: [{ ...link, forward: { bits: 4, group: 48 } }] }, 'PLAN_FIELD'],
  'a mask of 16 bits': [{ warmUpSteps: 0, links: [{ ...link, backward: { bits: 16, zeroMask: true } }] }, 'PLAN_FIELD'],
  'fewer than no warm-up steps': [{ warmUpSteps: -1, links: [link] }, 'PLAN_FIELD'],
};
for (const [what, [codecs, code]] of Object.entries(wrong)) {
  test(`a plan with ${what} is refused`, (t) => {
    t.throws(() => parsePlan(plan(codecs)), { code });
  });
}
