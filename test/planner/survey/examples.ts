import {
  type BoardSurvey,
  type DeviceProfile,
  modelBlocks,
  type Pass,
  probeNames,
  probeSource,
  type Source,
  type SurveyModel,
  worksOf,
} from '../../../planner/index.ts';
import { aBoardLike, type ImaginedBoard, trueSeconds } from '../predictor/boards.ts';

export const aModel: SurveyModel = { name: 'cifarnet', classes: 10, inputShape: [3, 32, 32], microBatch: 8 };
export const blocksOfModel = modelBlocks({ name: 'cifarnet' }, 8);

const options = { capabilities: { channelBlock: 8 }, optimizerSlots: 1 } as const;

export function sourceOf({ name, ...model }: SurveyModel, firstBlock: number, lastBlock = firstBlock): Source {
  return { model: name, ...model, firstBlock, lastBlock };
}

/** Rows of a source as this board would measure them, `factor` times as long. */
export function rowsOf(source: Source, board: ImaginedBoard, factor = 1): DeviceProfile['measurements'] {
  return worksOf(source, options).map((work) => ({
    ...source,
    pass: work.pass as Pass,
    threads: 1,
    seconds: factor * trueSeconds(board, work),
    spread: 0.01,
  }));
}

/** What a board knows after the probe and its measurements of these sources. */
export function surveyOf(
  board: ImaginedBoard = aBoardLike(),
  sources: readonly Source[] = [],
  links: BoardSurvey['links'] = [],
): BoardSurvey {
  const profile: DeviceProfile = {
    board: board.name,
    engine: { name: 'onnxruntime', version: '1.30.0' },
    channelBlock: 8,
    threads: 1,
    copyBytesPerSecond: 5e9,
    measuredAt: '2026-01-01T00:00:00.000Z',
    seconds: 10,
    ended: 'complete',
    measurements: [...probeNames.map(probeSource), ...sources].flatMap((source) => rowsOf(source, board)),
  };
  return { profile, links, messages: { seconds: 1e-3, secondsPerByte: 5e-9, besideComputing: false } };
}

/** Transfers of a link of this rate and this latency each way. */
export function transfersOf(bytesPerSecond: number, latencySeconds: number) {
  return [16_384, 16_384, 16_384, 262_144, 262_144, 262_144].map((bytes) => ({
    bytes,
    seconds: 2 * latencySeconds + bytes / bytesPerSecond,
  }));
}
