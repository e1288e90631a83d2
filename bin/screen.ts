import { hideCardNumbers } from './card-guard.ts';

/** Lines at the bottom of a terminal on standard error that are drawn over again and again. */
export type Screen = {
  /** Takes the lines away and shows the cursor again. */
  readonly [Symbol.dispose]: () => void;
};

const drawIntervalMs = 200;

/**
 * Draws what `lines` gives a few times a second while standard error is a terminal, and nothing otherwise. Lines must not
 * be wider than `screenWidth()`.
 */
export function openScreen(lines: () => readonly string[]): Screen {
  const stream = process.stderr;
  if (!stream.isTTY) return { [Symbol.dispose]: () => undefined };
  let drawn = 0;
  const draw = (): void => {
    const text = lines()
      .map((line) => `${hideCardNumbers(line)}\x1b[K\n`)
      .join('');
    stream.write(`\x1b[?2026h${up(drawn)}${text}\x1b[J\x1b[?2026l`);
    drawn = text.split('\n').length - 1;
  };
  const showCursor = (): boolean => stream.write('\x1b[?25h');
  stream.write('\x1b[?25l');
  process.once('exit', showCursor);
  const timer = setInterval(draw, drawIntervalMs);
  draw();
  return {
    [Symbol.dispose]: () => {
      clearInterval(timer);
      stream.write(`${up(drawn)}\x1b[J`);
      showCursor();
      process.off('exit', showCursor);
    },
  };
}

/** How wide a line may be: 80 characters, or less in a narrow terminal. */
export function screenWidth(): number {
  return Math.min(80, Math.max(40, process.stderr.columns ?? 80)) - 1;
}

function up(lines: number): string {
  return lines === 0 ? '\r' : `\r\x1b[${lines}A`;
}
