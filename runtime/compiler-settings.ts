import { setFlagsFromString } from 'node:v8';

/**
 * Tells V8, for this process and before its threads start, that the same code will run for long over little memory of
 * objects. Without it helper threads take a fifth of the processor (docs/adr/0020-helper-threads.md).
 */
export function expectLongRun(): void {
  for (const flag of flags) setFlagsFromString(flag);
}

const flags = [
  // Loops are compiled once for good, not first for a while: what begins a batch is a new loop's entry each time.
  '--no-maglev',
  // Code that runs once in some seconds, such as encoding a row group, stays compiled.
  '--no-flush-bytecode',
  // A full collection when objects have become four times as many; they are some 25 MB, all else is typed arrays.
  '--heap-growing-percent=300',
] as const;
