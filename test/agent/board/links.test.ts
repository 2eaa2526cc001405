import test from 'ava';
import { Arrivals, type LinkEnd, LinkEnds } from '../../../agent/board/link-ends.ts';
import { openLinks, type StageLinks } from '../../../agent/board/links.ts';
import type { PlannedStage } from '../../../agent/board/plan-stage.ts';
import { BufferPool } from '../../../agent/memory/index.ts';
import { createMemoryNetwork, type ReceivedTensor } from '../../../broker/index.ts';
import { testFleet, until } from '../../broker/helpers.ts';

const { signal } = new AbortController();

/** The stage of a board in a plan for these boards, as far as links look at it. */
function planned(boards: readonly string[], board: string, term: number): PlannedStage {
  const stages = boards.map((id, stage) => ({ stage, board: id, dataUrl: 'mqtt://127.0.0.1:1' }));
  const index = boards.indexOf(board);
  const [own, previous, next] = [stages[index], stages[index - 1], stages[index + 1]];
  const places = { own, previous, next, first: stages[0], last: stages.at(-1) };
  return { plan: { run: 'run-1', term, stages }, index, ...places, instructions: [] } as unknown as PlannedStage;
}

/** Boards in memory, with what each holds of links and what has arrived for it. */
function someBoards(ids: readonly string[]) {
  const fleet = testFleet();
  const network = createMemoryNetwork();
  return ids.map((id) => {
    const transport = network.transport({
      identity: fleet.identity(id),
      keyring: fleet.keyring,
      timeoutMilliseconds: 10_000,
    });
    const arrivals = new Arrivals();
    const memory = new BufferPool();
    const open = (stage: PlannedStage, ends: LinkEnds, standing: readonly LinkEnd[] = [], values = 2) =>
      openLinks({
        transport,
        planned: stage,
        stage: {
          inputShape: [1, values],
          outputShape: [1, values],
          isFirst: false,
          isLoss: false,
          parameters: [],
          state: new Map(),
        },
        memory,
        onTensor: (tensor) => arrivals.take(tensor),
        ends,
        standing,
        signal,
      });
    return { id, transport, arrivals, open };
  });
}

const activation = (step: number) => ({ kind: 'activation', step, microBatch: 0, slot: 0, dtype: 'float32' }) as const;

test('links that two plans have go on, with room for longer tensors; those of the first alone are closed', async (t) => {
  const boards = someBoards(['pi-1', 'pi-2', 'pi-3']);
  const [one, two] = boards as [(typeof boards)[0], (typeof boards)[0]];
  t.teardown(() => Promise.all(boards.map(({ transport }) => transport.close())));
  const ends = boards.map(() => new LinkEnds());
  const before = await Promise.all(
    boards.map(({ id, open }, at) => open(planned(['pi-1', 'pi-2', 'pi-3'], id, 1), ends[at]!)),
  );
  // pi-3 has no stage any more, so pi-2 has the loss, and labels come over the link that it has with pi-1 already.
  const [afterOne, afterTwo] = (await Promise.all(
    [one, two].map(({ id, open }, at) => open(planned(['pi-1', 'pi-2'], id, 2), new LinkEnds(), before[at]!.all, 4)),
  )) as [StageLinks, StageLinks];
  t.is(afterOne.next, before[0]!.next);
  t.is(afterOne.loss, afterOne.next);
  t.is(afterTwo.previous, before[1]!.previous);

  const arrived: Record<number, ReceivedTensor[]> = { 1: [], 2: [] };
  for (const term of [1, 2]) two.arrivals.expect(term, (tensor) => arrived[term]!.push(tensor));
  await afterOne.next!.send({ ...activation(4), shape: [1, 2] }, new Float32Array(2));
  afterOne.next!.setTerm(2);
  await afterOne.next!.send({ ...activation(5), shape: [1, 4] }, new Float32Array(4));
  await until('both are there', () => arrived[1]!.length === 1 && arrived[2]!.length === 1);
  t.is(arrived[2]![0]!.meta.step, 5);

  const standing = new LinkEnds();
  await standing.takeOver(ends[1]!.giveAway(), [...afterTwo.all, ...afterTwo.passing]);
  t.is(await before[1]!.next!.ended, undefined, 'the link to pi-3 is closed');
  await standing.close();
  t.is(await afterTwo.previous!.ended, undefined);
});

test('a link that is being opened when its owner gives up is closed too', async (t) => {
  const ends = new LinkEnds();
  const { promise, resolve } = Promise.withResolvers<LinkEnd>();
  let closed = 0;
  const close = async () => {
    closed += 1;
  };
  const adding = ends.add(promise);
  const closing = ends.close();
  resolve({ from: 'pi-1', to: 'pi-2', close } as unknown as LinkEnd);
  await adding;
  await closing;
  t.is(closed, 1);
});
