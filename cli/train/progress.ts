import type { Progress } from '../../planner/coordinator/index.ts';
import type { Output } from '../output.ts';

const BAR_CHARACTERS = 24;
const LINE_MILLISECONDS = 5_000;

/** One line of progress: a bar on a terminal, and a plain line every few seconds elsewhere. */
export function progressPrinter(
  output: Output,
  now: () => number = () => performance.now(),
): (progress: Progress) => void {
  let last = Number.NEGATIVE_INFINITY;
  return (progress) => {
    if (output.isTerminal) return output.status(formatProgress(progress));
    const isLast = progress.step === progress.steps;
    if (!isLast && now() - last < LINE_MILLISECONDS) return;
    last = now();
    output.line(formatProgress(progress));
  };
}

export function formatProgress({ step, steps, loss, samplesPerSecond, secondsLeft }: Progress): string {
  const filled = Math.round((BAR_CHARACTERS * step) / Math.max(1, steps));
  const bar = '█'.repeat(filled) + '░'.repeat(BAR_CHARACTERS - filled);
  const left = formatDuration(secondsLeft);
  return `${bar} ${step}/${steps}  loss ${loss.toFixed(4)}  ${samplesPerSecond.toFixed(0)} samples/s  ${left} left`;
}

export function formatDuration(seconds: number): string {
  if (!Number.isFinite(seconds)) return '–';
  const whole = Math.round(seconds);
  const minutes = Math.floor(whole / 60);
  return minutes === 0 ? `${whole} s` : `${minutes} min ${whole % 60} s`;
}
