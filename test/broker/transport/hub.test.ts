import test from 'ava';
import { transportContract } from './contract.ts';
import { hubEnds } from './ends.ts';

transportContract(test, 'hub', hubEnds);
