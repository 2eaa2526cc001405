import type { Command } from '../command.ts';
import { agent } from './agent.ts';
import { calibrateCommand } from './calibrate.ts';
import { devices } from './devices.ts';
import { drain, undrain } from './drain.ts';
import { evaluateCommand } from './eval.ts';
import { exportCommand } from './export.ts';
import { fleetInit } from './fleet-init.ts';
import { fleetViewer } from './fleet-viewer.ts';
import { hub } from './hub.ts';
import { lab } from './lab.ts';
import { labClean } from './lab-clean.ts';
import { planCommand } from './plan.ts';
import { predictorEvaluate } from './predictor-evaluate.ts';
import { predictorExport } from './predictor-export.ts';
import { predictorFit } from './predictor-fit.ts';
import { simulateCommand } from './simulate.ts';
import { train } from './train.ts';
import { watch } from './watch.ts';

/**
 * Every command, in the order in which the help lists them. A command of two words comes before the one that is its
 * first word.
 */
export const commands: readonly Command[] = [
  fleetInit,
  fleetViewer,
  train,
  evaluateCommand,
  exportCommand,
  planCommand,
  simulateCommand,
  hub,
  agent,
  devices,
  watch,
  drain,
  undrain,
  calibrateCommand,
  predictorFit,
  predictorEvaluate,
  predictorExport,
  labClean,
  lab,
];
