import test from 'ava';
import { apply, initialState } from '../../../planner/coordinator/index.ts';
import { formatWidth, type Plan } from '../../../planner/index.ts';
import { createRig, type Rig, type Script, someSettings } from './fake-fleet.ts';

const settings = someSettings({
  model: { name: 'cifarnet', classes: 2, inputShape: [3, 16, 16] },
  batch: 64,
  microBatches: 8,
  steps: 60,
  codecs: { kind: 'auto', least: { forward: 4, backward: 8 }, errorBudget: 0.1, warmUpSteps: 2 },
});

/** Boards of which each link is busy for so long with half a megabyte of a step. */
const boards = (busySeconds: (step: number) => number, relativeError = 0): readonly Script[] => {
  const links: Script['links'] = (step) => ({
    bytes: 524_288,
    busySeconds: busySeconds(step),
    ...(step < 2 ? {} : { relativeError }),
  });
  return [{ links }, { links }];
};

const changes = ({ events }: Rig) =>
  events.flatMap((event) => (event.kind === 'decided' && event.action.kind === 'encode' ? [event.action] : []));
const plans = ({ events }: Rig) =>
  events.flatMap((event) => (event.kind === 'decided' && event.action.kind === 'adopt' ? [event.action.plan] : []));
const widths = ({ codecs }: Plan) => codecs!.links.map(formatWidth);

test('a link that becomes slow is narrowed while training runs, and nothing is loaded for it', async (t) => {
  const rig = await createRig(
    settings,
    boards((step) => (step < 15 ? 0.006 : 6)),
  );
  const { plan, losses } = await rig.run();
  t.is(losses.length, 60);
  t.is(plans(rig).length, 1);
  t.deepEqual(widths(plans(rig)[0]!), ['float32']);
  const [first] = changes(rig);
  t.regex(first!.reason, /a step gets \d+ % shorter/);
  t.deepEqual(widths(plan!), ['4/8 bits']);
  for (const { commands } of rig.boards) t.true(commands.some(({ kind }) => kind === 'encode'));
  const again = structuredClone(rig.events).reduce(apply, initialState);
  t.deepEqual(again.run?.plan, plan);
});

test('a link that becomes fast again is widened', async (t) => {
  const rig = await createRig(
    settings,
    boards((step) => (step < 25 ? 6 : 0.001)),
  );
  const { plan } = await rig.run();
  t.true(changes(rig).length >= 2);
  t.deepEqual(widths(plan!), ['float32']);
});

test('a link that loses more than the budget gets more bits, and does not lose them again', async (t) => {
  const rig = await createRig(
    settings,
    boards(() => 6, 0.15),
  );
  const notices: string[] = [];
  const { plan } = await rig.run({ onNotice: (text) => notices.push(text) });
  const reasons = changes(rig).map(({ reason }) => reason);
  t.true(reasons.some((reason) => /pi-1 → pi-2 loses 0\.150, and 0\.1 is the most/.test(reason)));
  t.true(notices.some((text) => /Links change: pi-1 → pi-2 .* instead of 4\/8 bits/.test(text)));
  // What is said to be lost stays the same whatever the width, so it ends where nothing is encoded.
  t.deepEqual(widths(plan!), ['float32']);
});

test('links that lose less than the budget keep their width', async (t) => {
  const rig = await createRig(
    settings,
    boards(() => 6, 0.05),
  );
  const { plan } = await rig.run();
  t.true(changes(rig).every(({ reason }) => /shorter/.test(reason)));
  t.deepEqual(widths(plan!), ['4/8 bits']);
});

test('widths that were given are nobody else’s to choose', async (t) => {
  const codecs = { forward: { bits: 8 }, backward: { bits: 8 } };
  const fixed = { ...settings, codecs: { kind: 'fixed', codecs, warmUpSteps: 0 } as const };
  const rig = await createRig(
    fixed,
    boards((step) => (step < 15 ? 0.006 : 6), 0.9),
  );
  const { plan } = await rig.run();
  t.is(changes(rig).length, 0);
  t.deepEqual(widths(plan!), ['8 bits']);
});

test('what each link loses is among the metrics', async (t) => {
  const rig = await createRig(
    settings,
    boards(() => 6, 0.05),
  );
  const seen: unknown[] = [];
  await rig
    .messengerOf('pi-1')
    .subscribe('runMetrics', { run: settings.run }, ({ message }) => seen.push(message.links))
    .catch(() => {});
  await rig.run();
  const last = seen.at(-1) as readonly object[];
  t.deepEqual(last, [
    { from: 'pi-1', to: 'pi-2', bytes: 524_288, busySeconds: 6, relativeError: 0.05 },
    { from: 'pi-2', to: 'pi-1', bytes: 524_288, busySeconds: 6, relativeError: 0.05 },
  ]);
});
