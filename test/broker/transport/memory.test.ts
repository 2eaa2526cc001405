import test from 'ava';
import { transportContract } from './contract.ts';
import { memoryEnds } from './ends.ts';

transportContract(test, 'memory', memoryEnds(true));
transportContract(test, 'memory, signed', memoryEnds(false), false);
