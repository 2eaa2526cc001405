import { hashOf } from '../hash.ts';
import { type Amounts, type Kind, positionOf } from './kinds.ts';
import type { Work } from './work.ts';

/** Amounts that depend neither on the micro-batch nor on a board's layout. */
const fixed = positionsOf(['nodes', 'tensors', 'update bytes', 'accumulation bytes']);
/** Amounts that do not depend on the micro-batch. */
const laidOut = positionsOf(['convolution weight bytes']);

/** The same for computations that differ in the micro-batch and in how a board lays them out, whatever the model's name. */
export function computationOf(work: Work): string {
  return hashOf(textOf(work)).toString(16);
}

/** The same for computations that differ in the micro-batch alone. */
export function shapeOf(work: Work): string {
  const { amounts } = work;
  let asked = '';
  for (const amount of amounts) asked += amount > 0 ? '1' : '0';
  return hashOf(`${textOf(work)} ${asked} ${sizes(amounts, laidOut)}`).toString(16);
}

const textOf = ({ pass, amounts, traits }: Work) => `${pass} ${sizes(amounts, fixed)} ${traits.join(' ')}`;
const sizes = (amounts: Amounts, positions: readonly number[]) =>
  positions.map((position) => amounts[position]).join(' ');

function positionsOf(kinds: readonly Kind[]): readonly number[] {
  return kinds.map(positionOf);
}
