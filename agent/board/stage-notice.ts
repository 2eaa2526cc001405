import type { DeviceStage } from '../../broker/index.ts';

/** What changes about what a board holds; who it is and when it was are added here. */
export type StageNews = DeviceStage extends infer Kind
  ? Kind extends DeviceStage
    ? Omit<Kind, 'board' | 'since'>
    : never
  : never;

export interface StageNoticeNeeds {
  readonly board: string;
  /** The topic is retained: the client says the latest again when its connection comes back. */
  readonly publish: (message: DeviceStage) => Promise<void>;
  readonly clock?: () => Date;
}

/** Tells everybody what this board holds of which run, whenever that changes. What cannot be sent holds nobody up. */
export function createStageNotice({ board, publish, clock = () => new Date() }: StageNoticeNeeds) {
  let told = '';
  return (news: StageNews): void => {
    const next = JSON.stringify(news);
    if (next === told) return;
    told = next;
    publish({ ...news, board, since: clock().toISOString() } as DeviceStage).catch(() => {});
  };
}
