import test from 'ava';
import { commandHelp, nearest, parseCommandLine } from '../../cli/options/index.ts';
import { flag, oneOf, required, text, wholeNumber, withBare, withDefault } from '../../cli/options/values.ts';

const syntax = {
  name: 'sail',
  arguments: [{ name: 'PORT', about: 'where to' }],
  options: {
    crew: withDefault(wholeNumber('how many', { least: 1, most: 9 }), 3),
    windFrom: oneOf(['north', 'south'], 'the wind'),
    name: required(text('NAME', 'of the ship')),
    resume: withBare(text('DIR', 'an earlier voyage'), 'latest'),
    fast: flag('hurry'),
  },
};

const parse = (...args: readonly string[]) => parseCommandLine(syntax, args);

test('options are read with their types, defaults and dashes', (t) => {
  const { options, arguments: words, given } = parse('dover', '--name', 'ann', '--wind-from=south', '--fast');
  t.deepEqual(options, { crew: 3, windFrom: 'south', name: 'ann', resume: undefined, fast: true });
  t.deepEqual(words, ['dover']);
  t.deepEqual([...given].sort(), ['fast', 'name', 'windFrom']);
});

test('an option with a bare meaning takes a value, or stands alone', (t) => {
  t.is(parse('dover', '--name', 'ann', '--resume', 'old').options.resume, 'old');
  t.is(parse('dover', '--name', 'ann', '--resume').options.resume, 'latest');
  t.is(parse('dover', '--resume', '--name', 'ann').options.resume, 'latest');
});

const refused: readonly (readonly [title: string, args: readonly string[], code: string, says: RegExp])[] = [
  ['an unknown option', ['dover', '--name', 'a', '--crwe', '4'], 'OPTION_UNKNOWN', /'--crwe'.*mean '--crew'/],
  ['a short option', ['dover', '--name', 'a', '-x'], 'OPTION_UNKNOWN', /'-x'/],
  ['a number out of range', ['dover', '--name', 'a', '--crew', '10'], 'OPTION_VALUE', /--crew is '10'.*from 1 to 9/],
  ['a number that is none', ['dover', '--name', 'a', '--crew', '2x'], 'OPTION_VALUE', /'2x'/],
  ['a name that is not known', ['dover', '--name', 'a', '--wind-from', 'up'], 'OPTION_VALUE', /north, south/],
  ['a missing value', ['dover', '--name', '--fast'], 'OPTION_VALUE', /--name needs a value/],
  ['a value for a flag', ['dover', '--name', 'a', '--fast=no'], 'OPTION_VALUE', /takes no value.*'no'/],
  ['a missing option', ['dover'], 'OPTION_VALUE', /--name is missing/],
  ['an option given twice', ['dover', '--name', 'a', '--name', 'b'], 'OPTION_VALUE', /twice/],
  ['a missing argument', ['--name', 'a'], 'ARGUMENT', /PORT is missing/],
  ['a word too many', ['dover', 'calais', '--name', 'a'], 'ARGUMENT', /'calais'/],
];

for (const [title, args, code, says] of refused) {
  test(`${title} is refused with its name`, (t) => {
    const error = t.throws(() => parse(...args), { message: says });
    t.like(error, { code, exitCode: 2 });
  });
}

test('help lists every option with its default', (t) => {
  const help = commandHelp({ ...syntax, summary: 'Sail.', examples: ['flotilla sail dover'] });
  t.regex(help, /Usage: flotilla sail PORT --name NAME \[options\]/);
  t.regex(help, /--crew N +how many \(default 3\)/);
  t.regex(help, /--resume \[DIR\]/);
  t.regex(help, /flotilla sail dover/);
});

test('the nearest word is suggested only where it is near', (t) => {
  t.is(nearest('trian', ['train', 'eval']), 'train');
  t.is(nearest('exp', ['export', 'eval']), 'export');
  t.is(nearest('zebra', ['train', 'eval']), undefined);
});
