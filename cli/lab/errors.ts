import { CliError, UsageError } from '../errors.ts';

/** A scenario file that cannot be: names the line and the key. Line 0: the file as a whole. */
export class ScenarioError extends UsageError {
  readonly line: number;
  readonly key: string;

  constructor(file: string, line: number, key: string, problem: string) {
    super('SCENARIO', `${file}${line === 0 ? '' : `, line ${line}`}: ${problem} (docs/lab.md describes a scenario)`);
    this.line = line;
    this.key = key;
  }
}

/** What the scenario asks for cannot be had on this machine, or not with these rights. */
export class LabUnsupportedError extends CliError {
  constructor(wish: string, why: string, next: string) {
    super('LAB_UNSUPPORTED', `the scenario asks for ${wish}, but ${why}: ${next}.`);
  }
}

/** `ip` or `tc` did not do what it was told. */
export class LabToolError extends CliError {
  constructor(tool: string, problem: string) {
    super('LAB_TOOL', `${tool} failed while the lab was made: ${problem.trim()}. Nothing of the lab is left.`);
  }
}

/** A control group that the kernel does not take. */
export class ControlGroupError extends CliError {
  constructor(path: string, value: string, problem: string) {
    super('LAB_CONTROL_GROUP', `'${value}' cannot be written to ${path}: ${problem}. Nothing of the lab is left.`);
  }
}

/** Something of a lab that will not go away. */
export class LabRemainsError extends CliError {
  constructor(what: readonly string[]) {
    super('LAB_REMAINS', `this is left of the lab: ${what.join(', ')}. Try again with \`flotilla lab clean\`.`);
  }
}
