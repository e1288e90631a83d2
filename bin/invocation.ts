import { type Command, InvalidArgumentError, Option } from 'commander';

/** How the program was called: the exit code that it ends with. */
export type Invocation = { exitCode: number };

/** The exit codes, the same for every command. */
export const exitCodes = { ok: 0, failed: 1, usage: 2, negative: 3, interrupted: 130 } as const;

const examplesByCommand = new WeakMap<Command, readonly string[]>();

/** Gives a command examples, which its help shows and a test parses. The first word is `weir`. */
export function addExamples(command: Command, ...examples: readonly string[]): Command {
  examplesByCommand.set(command, examples);
  const heading = examples.length === 1 ? 'Example:' : 'Examples:';
  return command.addHelpText('after', `\n${heading}\n${examples.map((example) => `  ${example}`).join('\n')}`);
}

/** The examples of a command, none when it has none. */
export function examplesOf(command: Command): readonly string[] {
  return examplesByCommand.get(command) ?? [];
}

/** The option that makes a command print JSON on standard output, and failures as JSON on standard error. */
export function jsonOption(): Option {
  return new Option('--json', 'print JSON on standard output');
}

/** Parses a whole number of at least `minimum`. */
export function wholeNumber(minimum: number): (text: string) => number {
  return (text) => {
    const value = /^-?\d+$/.test(text) ? Number(text) : Number.NaN;
    if (Number.isSafeInteger(value) && value >= minimum) return value;
    throw new InvalidArgumentError(`Expected a whole number of at least ${minimum}.`);
  };
}

/** Parses a number above 0. */
export function numberAboveZero(text: string): number {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new InvalidArgumentError('Expected a number above 0.');
}
