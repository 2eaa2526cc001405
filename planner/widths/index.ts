/** How many bits a value has on each link: just so few that the link does not hold the pipeline back. */
export { type ChosenWidths, chooseWidths, type LadderAt, stepWithWidths, WIDTH_SLACK } from './choose.ts';
export { encodedAlike, encodedAlong, type Holding } from './encoded.ts';
export { bitsOf, type LeastBits, widthLadder } from './ladder.ts';
export {
  type EncodedPartition,
  holdingsOf,
  type LinkWidth,
  partitionWithWidths,
  type Widths,
  widthsOfSplit,
} from './plan.ts';
export { AUTO, type CodecWish, higher, parseCodecWish, type WidthFloors, widthsOf } from './wish.ts';
export { explainWidths, formatWidth } from './words.ts';
