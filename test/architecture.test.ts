import { readdir, readFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import test from 'ava';

const root = join(import.meta.dirname, '..');

/** Who may import whom (DESIGN §1). A room inside another folder is listed by its path. */
const mayImport = {
  models: [],
  planner: ['models'],
  'planner/coordinator': ['models', 'planner', 'broker'],
  broker: [],
  agent: ['models', 'planner', 'broker'],
  provisioning: ['broker'],
  dashboard: ['broker', 'planner', 'planner/coordinator'],
  cli: ['models', 'planner', 'planner/coordinator', 'broker', 'agent', 'provisioning', 'dashboard'],
} as const;

/** The one file that imports each heavy dependency, by the room it is in. */
const doors = {
  'onnxruntime-node': 'agent',
  koffi: 'agent',
  aedes: 'broker',
  mqtt: 'broker',
  sharp: 'agent',
  systeminformation: 'agent',
} as const;

type Room = keyof typeof mayImport;
const rooms = Object.keys(mayImport) as Room[];

interface Import {
  /** Paths from the repository's root. */
  readonly file: string;
  readonly specifier: string;
  readonly target: string;
}

const importPattern =
  /\bfrom\s+['"]([^'"]+)['"]|\bimport\s*\(?\s*['"]([^'"]+)['"]|\brequire(?:\.resolve)?\(\s*['"]([^'"]+)['"]/g;

/** The innermost room that a path lies in. */
function roomOf(path: string): Room | undefined {
  return rooms.filter((room) => path.startsWith(`${room}/`)).sort((a, b) => b.length - a.length)[0];
}

async function readImports(): Promise<readonly Import[]> {
  const found: Import[] = [];
  for (const folder of rooms.filter((room) => !room.includes('/'))) {
    const entries = await readdir(join(root, folder), { recursive: true }).catch(() => [] as string[]);
    for (const entry of entries.filter((name) => /\.(ts|js)$/.test(name))) {
      const file = `${folder}/${entry}`;
      const text = await readFile(join(root, file), 'utf8');
      for (const match of text.matchAll(importPattern)) {
        const specifier = (match[1] ?? match[2] ?? match[3])!;
        const target = specifier.startsWith('.') ? relative(root, join(root, dirname(file), specifier)) : specifier;
        found.push({ file, specifier, target });
      }
    }
  }
  return found;
}

const imports = await readImports();
const ours = imports.filter(({ specifier }) => specifier.startsWith('.'));
const crossing = ours.filter(({ file, target }) => roomOf(file) !== roomOf(target));

test('the imports of every folder that exists are read', (t) => {
  for (const room of ['models', 'planner', 'planner/coordinator', 'broker', 'agent', 'cli'] as const) {
    t.true(
      imports.some(({ file }) => roomOf(file) === room),
      room,
    );
  }
});

test('a folder imports only the folders that the table allows', (t) => {
  const strays = crossing.filter(({ file, target }) => {
    const to = roomOf(target);
    return to === undefined || !(mayImport[roomOf(file)!] as readonly string[]).includes(to);
  });
  t.deepEqual(
    strays.map(({ file, target }) => `${file} imports ${target}`),
    [],
  );
});

test('from outside a folder only its index.ts is imported', (t) => {
  const strays = crossing.filter(({ target }) => target !== `${roomOf(target)}/index.ts`);
  t.deepEqual(
    strays.map(({ file, target }) => `${file} imports ${target}`),
    [],
  );
});

for (const [dependency, room] of Object.entries(doors)) {
  test(`${dependency} is imported by exactly one file, in ${room}`, (t) => {
    const files = new Set(
      imports
        .filter(({ specifier }) => specifier === dependency || specifier.startsWith(`${dependency}/`))
        .map(({ file }) => file),
    );
    t.is(files.size, 1, [...files].join(', '));
    t.is(roomOf([...files][0]!), room);
  });
}

test('models is pure: it imports nothing of Node', (t) => {
  const strays = imports.filter(({ file, specifier }) => roomOf(file) === 'models' && specifier.startsWith('node:'));
  t.deepEqual(
    strays.map(({ file, specifier }) => `${file} imports ${specifier}`),
    [],
  );
});
