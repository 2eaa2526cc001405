export { type Board, type BoardOptions, startBoard, TELEMETRY_SECONDS } from './board.ts';
