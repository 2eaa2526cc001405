/** What the directory of a run holds. */
export const MODEL_FILE = 'model.onnx';
/** How it went, written at its end. */
export const RUN_FILE = 'run.json';
export const CHECKPOINTS = 'checkpoints';
/** What is written down while it goes on: one JSON object a line, appended to and now and then written anew. */
export const RUN_LOG = 'run.log';
/** What a process said that nobody has started by hand. */
export const OUTPUT_LOG = 'output.log';
