import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import test from 'ava';
import { commands } from '../../cli/commands/index.ts';
import { directoryFor, flotilla, reportOf } from './support.ts';

test.serial('every command has a help that names all of its options', async (t) => {
  const directory = await directoryFor(t);
  const overview = await flotilla(t, directory, '--help');
  t.is(overview.exitCode, 0);
  for (const { name, options } of commands) {
    t.true(overview.stdout.includes(name));
    const { exitCode, stdout } = await flotilla(t, directory, ...name.split(' '), '--help');
    t.is(exitCode, 0, name);
    t.true(stdout.includes(`Usage: flotilla ${name}`));
    t.is(stdout.match(/^ {2}--/gm)?.length, Object.keys(options).length, name);
  }
});

const train = ['train', '--out', 'out', '--model'];
const bad: readonly (readonly [title: string, args: readonly string[], code: string, says: RegExp])[] = [
  ['an unknown command', ['trian'], 'COMMAND_UNKNOWN', /'trian'.*'train'/],
  ['half a command', ['fleet'], 'COMMAND_UNKNOWN', /fleet init/],
  ['an unknown option', [...train, 'mlp', '--bacth', '4'], 'OPTION_UNKNOWN', /'--bacth'.*'--batch'/],
  ['an unknown model', [...train, 'vgg99'], 'MODEL_UNKNOWN', /'vgg99'.*cifarnet/],
  ['data that is not there', [...train, 'mlp', '--data', 'nowhere'], 'DATA_UNKNOWN', /'nowhere'/],
  ['an empty directory of data', [...train, 'mlp', '--data', 'empty'], 'DATA_', /'empty'/],
  ['data that the model does not take', [...train, 'harcnn'], 'MODEL_INPUT_MISMATCH', /\[9, 128\].*\[3, 32, 32\]/],
  ['more boards than blocks', [...train, 'mlp', '--boards', '5'], 'MORE_BOARDS_THAN_BLOCKS', /5 boards.*4 blocks/],
  ['a batch that does not divide', [...train, 'mlp', '--batch', '10'], 'PLAN_BATCH_DIVISION', /10.*4 micro-batches/],
  ['a learning rate that is none', [...train, 'mlp', '--lr', 'fast'], 'LEARNING_RATE', /'fast'/],
  ['an unknown schedule', [...train, 'mlp', '--schedule', '2f2b'], 'OPTION_VALUE', /'2f2b'.*1f1b/],
  ['a checkpoint that is not there', ['train', '--resume', 'nowhere'], 'CHECKPOINT_MISSING', /'nowhere'/],
  ['nothing to resume', ['train', '--resume'], 'PATH', /'runs' holds no run/],
  ['an output directory that is a file', ['train', '--model', 'mlp', '--out', 'file'], 'PATH', /'file'/],
  ['a fleet name that is none', ['fleet', 'init', 'My Fleet'], 'INVALID_ID', /"My Fleet"/],
  ['a fleet file that is not there', ['agent', '--fleet', 'none', '--id', 'a'], 'FLEET_FILE_INVALID', /none\.yaml/],
  ['devices of no fleet', ['devices', '--fleet', 'none'], 'FLEET_FILE_INVALID', /none\.yaml/],
  ['a scenario that is not there', ['simulate', 'no.yaml'], 'PATH', /'no\.yaml'/],
  ['a scenario that is none', ['simulate', 'file'], 'SCENARIO', /file, line 1/],
  ['a plan for nobody', ['plan', '--model', 'mlp'], 'OPTION_VALUE', /--fleet NAME or --scenario FILE/],
  ['a plan of no model', ['plan', '--model', 'gpt9', '--scenario', 'file'], 'SCENARIO', /file, line 1/],
  ['micro-batches that are none', ['plan', '--micro-batches', '0'], 'OPTION_VALUE', /'0'/],
  ['a survey of less than nothing', [...train, 'mlp', '--survey', '-1'], 'OPTION_VALUE', /'-1'/],
  ['a predictor that is truncated', ['calibrate', '--predictor', 'file'], 'PREDICTOR_TRUNCATED', /file/],
  ['a budget of nothing', ['calibrate', '--budget', '0'], 'OPTION_VALUE', /'0'/],
  ['recordings that are not there', ['predictor', 'evaluate', '--recordings', 'nowhere'], 'PATH', /'nowhere'/],
  ['no recordings', ['predictor', 'fit', '--recordings', 'empty', '--out', 'out.json'], 'RECORDINGS', /empty/],
  ['a model file that is not there', ['eval', '--onnx', 'no.onnx'], 'PATH', /'no\.onnx'/],
  ['a model file that is no ONNX', ['eval', '--onnx', 'file'], 'PATH', /'file'.*15 bytes are not an ONNX file/],
];

for (const [title, args, code, says] of bad) {
  test.serial(`${title} ends with exit code 2, a named error and nothing written`, async (t) => {
    const directory = await directoryFor(t);
    await mkdir(join(directory, 'empty'));
    await writeFile(join(directory, 'file'), 'not a directory');
    const ended = await flotilla(t, directory, ...args, '--json');
    t.is(ended.exitCode, 2, ended.stderr);
    t.regex(ended.stderr, /^error: /);
    t.notRegex(ended.stderr, /\n {4}at /, 'no stack trace');
    const { error } = reportOf(ended) as { error: { code: string; message: string } };
    t.true(error.code.includes(code), error.code);
    t.regex(error.message, says);
    t.deepEqual((await readdir(directory)).sort(), ['empty', 'file']);
  });
}

test.serial('fleet init writes a file and private keys that only the owner reads, and never twice', async (t) => {
  const directory = await directoryFor(t);
  const first = await flotilla(
    t,
    directory,
    'fleet',
    'init',
    'shed',
    '--boards',
    'pi-1,nano',
    '--hub',
    '10.0.0.9:1884',
    '--json',
  );
  t.is(first.exitCode, 0, first.stderr);
  t.like(reportOf(first), { fleet: 'shed', hub: '10.0.0.9:1884', boards: ['pi-1', 'nano'] });
  const fleets = join(directory, 'fleets');
  const file = await readFile(join(fleets, 'shed.yaml'), 'utf8');
  t.deepEqual((await readdir(join(fleets, 'shed.keys'))).sort(), ['hub.key', 'nano.key', 'pi-1.key']);
  t.is((await stat(join(fleets, 'shed.keys', 'nano.key'))).mode & 0o777, 0o600);
  const second = await flotilla(t, directory, 'fleet', 'init', 'shed', '--json');
  t.is(second.exitCode, 2);
  t.like(reportOf(second), { error: { code: 'FLEET_EXISTS' } });
  t.is(await readFile(join(fleets, 'shed.yaml'), 'utf8'), file);
});

test.serial('an unknown key in the fleet file is named with its line', async (t) => {
  const directory = await directoryFor(t);
  await flotilla(t, directory, 'fleet', 'init', 'shed');
  const file = join(directory, 'fleets', 'shed.yaml');
  const lines = (await readFile(file, 'utf8')).split('\n');
  await writeFile(file, [...lines.slice(0, 3), 'colour: red', ...lines.slice(3)].join('\n'));
  const ended = await flotilla(t, directory, 'hub', '--fleet', 'shed');
  t.is(ended.exitCode, 2);
  t.regex(ended.stderr, /shed\.yaml, line 4: unknown key "colour".*FLEET_FILE_INVALID/);
});

test.serial('a port that is taken is named', async (t) => {
  const directory = await directoryFor(t);
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const { port } = server.address() as { port: number };
  await flotilla(t, directory, 'fleet', 'init', 'shed', '--hub', `127.0.0.1:${port}`);
  const ended = await flotilla(t, directory, 'hub', '--fleet', 'shed');
  t.is(ended.exitCode, 2);
  t.regex(ended.stderr, new RegExp(`127\\.0\\.0\\.1:${port} is taken.*PORT_TAKEN`));
});
