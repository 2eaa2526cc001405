import test from 'ava';
import { transportContract } from './contract.ts';
import { mqttEnds } from './ends.ts';

transportContract(test, 'mqtt', mqttEnds);
