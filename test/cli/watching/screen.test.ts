import test from 'ava';
import { createOutput } from '../../../cli/output.ts';
import { linePrinter } from '../../../cli/watching/line-printer.ts';
import { metrics, NOW, online, viewOf } from '../../dashboard/messages.ts';

function terminal(isTTY: boolean) {
  const written: string[] = [];
  const stream = { isTTY, columns: 80, rows: 24, write: (text: string) => void written.push(text) };
  return { written, output: createOutput(stream, stream, { json: false }) };
}

test('a picture takes a screen of its own, is drawn over the last one, and gives the screen back once', (t) => {
  const { written, output } = terminal(true);
  output.picture(['one', 'two']);
  output.picture(['three']);
  output.picture([]);
  output.picture([]);
  t.deepEqual(written, [
    '\x1b[?1049h\x1b[?25l\x1b[Hone\x1b[K\r\ntwo\x1b[K\x1b[J',
    '\x1b[Hthree\x1b[K\x1b[J',
    '\x1b[?25h\x1b[?1049l',
  ]);
});

test('where there is no terminal, a picture is nothing', (t) => {
  const { written, output } = terminal(false);
  output.picture(['one']);
  output.picture([]);
  t.deepEqual(written, []);
});

test('of the steps of a run one line is printed every five seconds, and the last', (t) => {
  const { written, output } = terminal(false);
  let now = NOW;
  const print = linePrinter(output, () => now);
  const view = viewOf(online('pi-1'));
  for (let step = 0; step < 40; step++) {
    print(view, metrics(step, 1));
    now += 250;
  }
  t.deepEqual(
    written.map((line) => /step (\d+) of/.exec(line)?.[1]),
    ['1', '21', '40'],
  );
});
