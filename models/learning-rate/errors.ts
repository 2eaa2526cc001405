import { ModelError } from '../errors.ts';

/** A learning-rate schedule that cannot be read. */
export class ScheduleError extends ModelError {
  constructor(text: string, problem: string) {
    super(
      'LEARNING_RATE',
      `learning rate '${text}': ${problem}. Write for example 0.05, constant:0.05, ` +
        'step:0.1,every=30epochs,factor=0.1 or cosine:0.1,warmup=100.',
    );
  }
}
