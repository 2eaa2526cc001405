import test from 'ava';
import { transportContract } from './contract.ts';
import { mosquittoEnds } from './ends.ts';
import { findMosquitto } from './mosquitto.ts';

if (findMosquitto() === null) {
  test.skip('mosquitto: it is not installed (Debian: mosquitto), so links through it are not tried', () => {});
} else {
  transportContract(test, 'mosquitto', mosquittoEnds);
}
