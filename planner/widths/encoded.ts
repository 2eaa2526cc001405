import { bytesRatio, type LinkCodecs } from '../link-codecs.ts';
import { type Encoding, encodedLinks, uniformLinks } from '../links.ts';
import { type CodecsAt, cutSeconds, encodedShare, meanRatio, nominalCodec } from '../message-cost.ts';
import type { PartitionRequest } from '../partition/index.ts';
import type { PlannerBoard } from '../times.ts';

/** Who holds which blocks, stage 0 first: `first` to `end - 1`. */
export type Holding = { readonly board: string; readonly first: number; readonly end: number };

/** The request when all links encode alike; a direction is reckoned as the mean of both, as it is not known which it is. */
export function encodedAlike(request: PartitionRequest, codecs: LinkCodecs): PartitionRequest {
  const { boards, links = uniformLinks() } = request;
  const share = encodedShare(codecs);
  const encodingOf = encodingBetween(boards, () => ({ ratio: meanRatio(codecs), share }));
  return {
    ...request,
    boards: boards.map((board) => encodingBoard(board, request, () => codecs)),
    links: encodedLinks(links, isUniform(boards) ? encodingOf(boards[0]?.id ?? '', boards[0]?.id ?? '') : encodingOf),
  };
}

/**
 * The request when these boards hold these blocks and their links encode in this way, one codec pair for each link; links
 * of other pairs encode as `others` says.
 */
export function encodedAlong(
  request: PartitionRequest,
  holdings: readonly Holding[],
  codecs: readonly LinkCodecs[],
  others: LinkCodecs,
): PartitionRequest {
  const { boards, links = uniformLinks() } = request;
  const directions = new Map<string, Direction>();
  const atCut = new Map<number, LinkCodecs>();
  for (const [link, own] of codecs.entries()) {
    const [one, next] = [holdings[link]!, holdings[link + 1]!];
    directions.set(`${one.board}>${next.board}`, directionOf(own.forward));
    directions.set(`${next.board}>${one.board}`, directionOf(own.backward));
    atCut.set(one.end, own);
  }
  const usual: Direction = { ratio: meanRatio(others), share: encodedShare(others) };
  const encodingOf = encodingBetween(boards, (from, to) => directions.get(`${from}>${to}`) ?? usual);
  const used = new Set(holdings.map(({ board }) => board));
  return {
    ...request,
    boards: boards.map((board) =>
      encodingBoard(board, request, (cut) => (used.has(board.id) ? atCut.get(cut) : undefined) ?? others),
    ),
    links: encodedLinks(links, encodingOf),
  };
}

/** Of a byte of tensor: bytes on the wire, and how much of it is encoded. */
type Direction = { readonly ratio: number; readonly share: number };

function directionOf(codec: LinkCodecs['forward']): Direction {
  return { ratio: bytesRatio(codec), share: codec.bits < 32 ? 1 : 0 };
}

function encodingBetween(
  boards: readonly PlannerBoard[],
  directionBetween: (from: string, to: string) => Direction,
): (from: string, to: string) => Encoding {
  const costs = new Map(boards.map(({ id, codec = nominalCodec }) => [id, codec]));
  return (from, to) => {
    const { ratio, share } = directionBetween(from, to);
    const { encodeSecondsPerByte } = costs.get(from) ?? nominalCodec;
    const { decodeSecondsPerByte } = costs.get(to) ?? nominalCodec;
    return { bytesRatio: ratio, codecSecondsPerByte: share * (encodeSecondsPerByte + decodeSecondsPerByte) };
  };
}

/** Whether encoding takes all boards the same time. */
function isUniform(boards: readonly PlannerBoard[]): boolean {
  const [first = nominalCodec, ...others] = boards.map(({ codec = nominalCodec }) => codec);
  return others.every(
    (codec) =>
      codec.encodeSecondsPerByte === first.encodeSecondsPerByte &&
      codec.decodeSecondsPerByte === first.decodeSecondsPerByte,
  );
}

function encodingBoard(board: PlannerBoard, { blocks }: PartitionRequest, codecsAt: CodecsAt): PlannerBoard {
  const { messages, codec = nominalCodec } = board;
  if (messages === undefined) return board;
  return { ...board, cutSeconds: cutSeconds(messages, codec, blocks, codecsAt) };
}
