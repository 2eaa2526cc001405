import { ScheduleSyntaxError } from '../errors.ts';
import {
  type Instruction,
  letters,
  type MicroBatchKind,
  type Schedule,
  type StageInstructions,
  update,
} from './instruction.ts';

const kinds = new Map(Object.entries(letters).map(([kind, letter]) => [letter as string, kind as MicroBatchKind]));

/** `F3`, `SA0`, `U`. */
export function formatInstruction(instruction: Instruction): string {
  return instruction.kind === 'update' ? 'U' : `${letters[instruction.kind]}${instruction.microBatch}`;
}

/** One stage as words: `F0 F1 B0 F2 B1 … U`. */
export function formatInstructions(instructions: StageInstructions): string {
  return instructions.map(formatInstruction).join(' ');
}

/** The whole schedule, one line a stage, stage 0 first. */
export function formatSchedule(schedule: Schedule): string {
  return schedule.map(formatInstructions).join('\n');
}

/** The inverse of `formatInstructions`. Throws `ScheduleSyntaxError` with the word that is none. */
export function parseInstructions(text: string): StageInstructions {
  const words = text.split(/\s+/).filter((word) => word !== '');
  return words.map((word, index) => parseInstruction(word, index + 1));
}

/** The inverse of `formatSchedule`; empty lines are skipped. */
export function parseSchedule(text: string): Schedule {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return lines.map(parseInstructions);
}

function parseInstruction(word: string, position: number): Instruction {
  if (word === 'U') return update;
  const [, letter = '', digits = ''] = /^([A-Z]+)(0|[1-9]\d*)$/.exec(word) ?? [];
  const kind = kinds.get(letter);
  const microBatch = Number(digits);
  if (kind === undefined || !Number.isSafeInteger(microBatch)) throw new ScheduleSyntaxError(word, position);
  return { kind, microBatch };
}
