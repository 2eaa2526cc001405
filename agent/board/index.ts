export { type Board, type BoardOptions, startBoard } from './board.ts';
