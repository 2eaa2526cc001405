import { type Broker, formatTopic, type Messenger, topics } from '../../broker/index.ts';

/**
 * The hub's broker keeps what was said last of each run for those who come later. Of runs that are over it does so for
 * the latest only, or a hub that stands for years would grow with every run. [docs/topics.md]
 */

/** So many runs that are over can still be looked at. */
export const ENDED_RUNS_KEPT = 10;

/** Runs that are over, in the order in which they ended. */
export type EndedRuns = readonly string[];

/** After a run has said its phase. One that was resumed is not over any more. Pure. */
export function afterPhase(
  ended: EndedRuns,
  run: string,
  phase: string,
  kept = ENDED_RUNS_KEPT,
): { readonly ended: EndedRuns; readonly forgotten: readonly string[] } {
  const others = ended.filter((other) => other !== run);
  if (phase !== 'over') return { ended: others, forgotten: [] };
  const all = [...others, run];
  const surplus = Math.max(0, all.length - kept);
  return { ended: all.slice(surplus), forgotten: all.slice(0, surplus) };
}

const keptTopics = (['runPlan', 'runState', 'runMetrics'] as const).map((name) => ({ name, qos: topics[name].qos }));

/** Has the broker forget runs from now on, as far as they say how they are. */
export async function forgetEndedRuns(messenger: Messenger, broker: Broker, fleet: string): Promise<void> {
  let ended: EndedRuns = [];
  await messenger.subscribe('runState', { run: '+' }, ({ message: { run, phase } }) => {
    const next = afterPhase(ended, run, phase);
    ended = next.ended;
    for (const old of next.forgotten) clear(old);
  });

  /** A retained message without a payload is how MQTT forgets one. [MQTT-3.3.1-10] */
  function clear(run: string): void {
    for (const { name, qos } of keptTopics) {
      // A broker that closes meanwhile has nothing left to forget.
      broker.publishRaw(formatTopic(fleet, name, { run }), Buffer.alloc(0), { qos, retain: true }).catch(() => {});
    }
  }
}
