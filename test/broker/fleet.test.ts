import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import {
  createFleet,
  FleetFileError,
  fleetPaths,
  keyringOf,
  loadIdentity,
  parseFleet,
  readFleet,
  renderFleet,
  writeFleet,
} from '../../broker/index.ts';

const { fleet, yaml } = createFleet({
  name: 'lab',
  boards: ['pi-1', 'pi-2'],
  hub: { address: '10.0.0.5', port: 2000 },
});

/** Line number of the first line with `text`. */
const lineOf = (source: string, text: string): number =>
  source.split('\n').findIndex((line) => line.includes(text)) + 1;

test('a created fleet reads back as it was made', (t) => {
  t.deepEqual(parseFleet(yaml, 'lab.yaml'), fleet);
  t.is(fleet.hub.address, '10.0.0.5');
  t.deepEqual(keyringOf(fleet).ids, ['hub', 'pi-1', 'pi-2']);
});

test('addresses, ports and revoked boards read back too', (t) => {
  const [first, second] = fleet.boards;
  const full = { ...fleet, boards: [{ ...first!, address: 'pi.local', port: 1884 }, second!], revoked: ['pi-2'] };
  const parsed = parseFleet(renderFleet(full), 'lab.yaml');
  t.deepEqual(parsed, full);
  t.is(keyringOf(parsed).problemOf('pi-2'), 'revoked-sender');
});

const broken: readonly [title: string, from: string | RegExp, to: string, line: string, message: RegExp][] = [
  ['an unknown key', '  port: 2000', '  prot: 2000', 'prot', /unknown key "prot" in hub/],
  ['an unknown key of the file', 'version: 1', 'version: 1\ncolour: red', 'colour', /unknown key "colour"/],
  ['a bad fleet id', '"lab"\nhub', '"Lab 1"\nhub', 'Lab 1', /name "Lab 1" is not the id of a fleet/],
  ['a bad board id', '"pi-1"', '"pi_1"', 'pi_1', /id "pi_1" is not the id of a board/],
  ['a number as an id', '"pi-1"', '12', 'id: 12', /id 12 is not/],
  ['a repeated id', '"pi-2"', '"pi-1"', '', /"pi-1" of boards\[1\] is taken by boards\[0\]/],
  ['the id of the hub as a board', '"pi-2"', '"hub"', '', /taken by the hub/],
  ['a bad address', '10.0.0.5', '10.0.0.500', '10.0.0.500', /address "10\.0\.0\.500"/],
  ['a bad port', '2000', '70000', '70000', /port 70000/],
  ['a short key', /publicKey: "[^"]{8}/, 'publicKey: "', 'publicKey', /has 26 bytes/],
  ['a key that is not base64', /publicKey: "./, 'publicKey: "?', 'publicKey', /is not base64/],
  ['another version', 'version: 1', 'version: 2', 'version', /version 2 is not 1/],
  ['a missing key', /\n {2}address: .*/, '', '', /hub has no key "address"/],
  ['YAML that is none', 'boards:', 'boards: [', '', /is not YAML/],
  ['a key twice', 'version: 1', 'version: 1\nversion: 1', '', /is not YAML: Map keys must be unique/],
  ['boards that are no list', /boards:[\s\S]*/, 'boards: 3\n', 'boards: 3', /boards is not a list/],
  ['revoked boards that are unknown', /$/, 'revoked: [pi-9]\n', 'revoked', /revoked "pi-9"/],
];

for (const [title, from, to, marker, message] of broken) {
  test(`a fleet file with ${title} is refused with its line`, (t) => {
    const source = yaml.replace(from, to);
    const error = t.throws(() => parseFleet(source, 'lab.yaml'), { instanceOf: FleetFileError, message });
    t.is(error.exitCode, 2);
    t.is(error.code, 'FLEET_FILE_INVALID');
    t.true(error.line > 0);
    if (marker !== '') t.is(error.line, lineOf(source, marker));
  });
}

test('two boards with one key are refused', (t) => {
  const [first, second] = fleet.boards;
  const twins = renderFleet({ ...fleet, boards: [first!, { ...second!, publicKey: first!.publicKey }] });
  t.throws(() => parseFleet(twins, 'lab.yaml'), { message: /publicKey of pi-2 is also that of pi-1/ });
});

test('a missing fleet file says what makes one', async (t) => {
  await t.throwsAsync(readFleet('/nowhere/lab.yaml'), { code: 'FLEET_FILE_INVALID', message: /flotilla fleet init/ });
});

test('creating refuses repeated ids, bad ids and bad ports', (t) => {
  t.throws(() => createFleet({ name: 'lab', boards: ['a', 'a'] }), { code: 'INVALID_ID', message: /"a"/ });
  t.throws(() => createFleet({ name: 'lab', boards: ['hub'] }), { code: 'INVALID_ID' });
  t.throws(() => createFleet({ name: '-', boards: [] }), { code: 'INVALID_ID' });
  t.throws(() => createFleet({ name: 'lab', boards: [], hub: { port: 0 } }), { code: 'INVALID_ID', message: /port 0/ });
  t.throws(() => createFleet({ name: 'lab', boards: [], hub: { address: 'a b' } }), { message: /"a b"/ });
});

test('writing a fleet writes all keys, and never over another fleet', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'flotilla-fleet-'));
  t.teardown(() => rm(directory, { recursive: true }));
  const made = createFleet({ name: 'lab', boards: ['pi-1'] });
  const file = await writeFleet(directory, made);
  t.deepEqual(await readFleet(file), made.fleet);
  const { keyOf, keys } = fleetPaths(directory, 'lab');
  t.is((await stat(keys)).mode & 0o777, 0o700);
  const identity = await loadIdentity(keyOf('pi-1'), 'pi-1');
  t.deepEqual(identity.publicKey, made.fleet.boards[0]!.publicKey);

  const before = await readFile(file, 'utf8');
  const again = createFleet({ name: 'lab', boards: ['pi-7'] });
  await t.throwsAsync(writeFleet(directory, again), { code: 'FLEET_EXISTS', message: /lab\.yaml/ });
  t.is(await readFile(file, 'utf8'), before);
  await rm(file);
  await t.throwsAsync(writeFleet(directory, again), { code: 'FLEET_EXISTS', message: /lab\.keys/ });
  t.deepEqual((await readdir(directory)).sort(), ['lab.keys']);
});

test('a fleet that cannot be written leaves nothing behind', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'flotilla-fleet-'));
  t.teardown(() => rm(directory, { recursive: true }));
  const blocked = join(directory, 'file');
  await writeFile(blocked, '');
  await t.throwsAsync(writeFleet(join(blocked, 'inside'), createFleet({ name: 'lab', boards: [] })));
  t.deepEqual(await readdir(directory), ['file']);
});
