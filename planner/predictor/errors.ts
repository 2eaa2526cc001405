import { PlannerError } from '../errors.ts';

/** A predictor's file that ends early: it was cut off while it was written or copied. */
export class PredictorTruncatedError extends PlannerError {
  readonly code = 'PREDICTOR_TRUNCATED';
  readonly exitCode = 2;

  constructor(file: string, problem: string) {
    super(
      `'${file}' is truncated or no JSON (${problem}); copy it again, or write it anew with \`flotilla predictor fit\``,
    );
  }
}

/** A predictor's file of a later format. */
export class PredictorNewerError extends PlannerError {
  readonly code = 'PREDICTOR_NEWER';
  readonly exitCode = 2;

  constructor(file: string, found: number, known: number) {
    super(
      `'${file}' is a predictor of version ${found}, and this Flotilla reads up to version ${known}; ` +
        'update Flotilla, or fit one with this version (`flotilla predictor fit`)',
    );
  }
}

/** A file of ours whose content is not what it has to be. */
export class PredictorFileError extends PlannerError {
  readonly code = 'PREDICTOR_FILE';
  readonly exitCode = 2;

  constructor(file: string, problem: string) {
    super(
      `'${file}' ${problem}; write it anew (predictors with \`flotilla predictor fit\`, profiles with \`flotilla calibrate\`)`,
    );
  }
}

/** A profile that was measured with another engine, whose times say nothing of this one's. */
export class ProfileEngineError extends PlannerError {
  readonly code = 'PROFILE_ENGINE';
  readonly exitCode = 2;

  constructor(board: string, measured: string, wanted: string) {
    super(
      `the profile of board '${board}' was measured with ${measured}, not with ${wanted}; run \`flotilla calibrate\` on it`,
    );
  }
}

/** Too little to fit a predictor on. */
export class RecordingsError extends PlannerError {
  readonly code = 'PREDICTOR_RECORDINGS';
  readonly exitCode = 2;

  constructor(place: string, found: number, needed: number) {
    super(`${place} holds recordings of ${found} boards, and at least ${needed} are needed; record more boards`);
  }
}

/** A name that no predictor has. */
export class UnknownPredictorError extends PlannerError {
  readonly code = 'PREDICTOR_UNKNOWN';
  readonly exitCode = 2;

  constructor(name: string, known: readonly string[]) {
    super(`there is no predictor named '${name}'; choose one of ${known.join(', ')}`);
  }
}
