/** A board could not measure itself. */
export class CalibrationError extends Error {
  readonly code: string;

  constructor(code: string, problem: string) {
    super(`calibration: ${problem}`);
    this.name = 'CalibrationError';
    this.code = code;
  }
}

/** Nothing was measured before the calibration had to end. */
export class CalibrationEmptyError extends CalibrationError {
  constructor(why: string) {
    super(
      'CALIBRATION_EMPTY',
      `nothing was measured before it ended (${why}); let the board cool down, or give it a larger budget`,
    );
  }
}
