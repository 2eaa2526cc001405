export { BufferPool } from './buffer-pool.ts';
