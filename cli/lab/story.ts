import type { LabEvent } from './scenario/index.ts';

/** What a story does to boards. */
export interface StoryHands {
  start(board: string): Promise<void>;
  kill(board: string): void;
  setQuota(board: string, quota: number): Promise<void>;
  /** What is done, in words. */
  say(line: string): void;
}

/** The events of a scenario, as they become due. */
export interface Story {
  /** So many steps of the run are done. */
  stepDone(steps: number): void;
  close(): void;
}

/** Begins now. Each event happens once, also where its step is done again after a loss. */
export function tellStory(events: readonly LabEvent[], hands: StoryHands): Story {
  const waiting = new Set(events);
  const timers: NodeJS.Timeout[] = [];
  const happen = (event: LabEvent, when: string): void => {
    if (!waiting.delete(event)) return;
    hands.say(`${when}: ${wordsOf(event)}`);
    carryOut(event, hands).catch((error: Error) => hands.say(`${event.board}: ${error.message}`));
  };
  const happenIn = (seconds: number, event: LabEvent, when: string): void => {
    timers.push(setTimeout(() => happen(event, when), 1000 * seconds).unref());
  };
  let hasTrained = false;
  for (const event of events) {
    if ('seconds' in event.after) happenIn(event.after.seconds, event, `After ${event.after.seconds} s`);
  }
  const beginTraining = (): void => {
    hasTrained = true;
    for (const event of events) {
      if (!('trainingSeconds' in event.after)) continue;
      const { trainingSeconds } = event.after;
      happenIn(trainingSeconds, event, `After ${trainingSeconds} s of training`);
    }
  };
  return {
    stepDone(steps) {
      if (!hasTrained) beginTraining();
      for (const event of [...waiting]) {
        if ('steps' in event.after && event.after.steps <= steps) happen(event, `After step ${steps}`);
      }
    },
    close() {
      waiting.clear();
      for (const timer of timers) clearTimeout(timer);
    },
  };
}

function wordsOf(event: LabEvent): string {
  switch (event.event) {
    case 'joins':
      return `${event.board} is switched on`;
    case 'returns':
      return `${event.board} is switched on again`;
    case 'dies':
      return `${event.board} is killed`;
    case 'quota':
      return `${event.board} gets ${Math.round(100 * event.quota)} % of a core`;
    default:
      return event satisfies never;
  }
}

async function carryOut(event: LabEvent, { start, kill, setQuota }: StoryHands): Promise<void> {
  switch (event.event) {
    case 'joins':
    case 'returns':
      return start(event.board);
    case 'dies':
      return kill(event.board);
    case 'quota':
      return setQuota(event.board, event.quota);
    default:
      return event satisfies never;
  }
}
