import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { messageProblem } from '../../broker/messages/tables.ts';
import { parseTopic, type Role, topicNames, topicRow } from '../../broker/topics.ts';

const text = await readFile(join(import.meta.dirname, '..', '..', 'docs', 'topics.md'), 'utf8');

/** The cells of the document's table, by the topic in the first one. */
const rows = new Map(
  text
    .split('\n')
    .filter((line) => /^\| `(devices|runs|links)\//.test(line))
    .map((line) => line.split('|').map((cell) => cell.trim()))
    .map(([, pattern = '', ...cells]) => [pattern.replaceAll('`', ''), cells] as const),
);

const publishers: Readonly<Record<Role, string>> = {
  hub: 'hub',
  self: 'the board',
  from: '`from`',
  to: '`to`',
  member: 'all',
};

test('docs/topics.md has a row for every topic of the table, and no other', (t) => {
  t.deepEqual([...rows.keys()].sort(), topicNames.map((name) => topicRow(name).pattern).sort());
});

for (const name of topicNames) {
  const row = topicRow(name);
  test(`docs/topics.md says of ${row.pattern} what the table says`, (t) => {
    const [publisher, qos, retained, signed] = rows.get(row.pattern) ?? [];
    t.is(publisher, publishers[row.publisher]);
    t.is(qos, String(row.qos));
    t.is(retained, row.retained ? 'yes' : 'no');
    t.is(signed, row.carries === 'frame' ? 'frame' : 'JSON');
  });
}

/** Lines as `mosquitto_sub -v` prints them: the topic, and the payload. */
const examples = [...text.matchAll(/^ {4}(flotilla\/([a-z0-9-]+)\/\S+) (\{.*\})$/gm)].map(
  ([, topic, fleet, payload]) => ({
    topic: topic!,
    fleet: fleet!,
    payload: payload!,
  }),
);

test('docs/topics.md has an example of every message of the hub that is shown to those who watch', (t) => {
  const shown = examples.map(({ fleet, topic }) => parseTopic(fleet, topic)?.name);
  const wanted = topicNames.filter((name) => topicRow(name).broker === 'hub');
  t.deepEqual([...new Set(shown)].sort(), [...wanted].sort());
});

for (const [index, { fleet, topic, payload }] of examples.entries()) {
  test(`example ${index + 1} of docs/topics.md, on ${topic}, is a message of today`, (t) => {
    const { carries } = topicRow(parseTopic(fleet, topic)!.name);
    const { message, at, ...envelope } = JSON.parse(payload) as { at?: string; message: { kind: string } };
    t.is(carries === 'frame' ? 'a frame' : messageProblem(carries, message), null);
    t.deepEqual(Object.keys(envelope), ['from', 'incarnation', 'sequence', 'signature']);
    t.is(typeof at, message.kind === 'lost' ? 'undefined' : 'string');
  });
}
