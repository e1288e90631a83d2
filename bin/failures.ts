import { CommanderError } from 'commander';
import { WeirError } from '../core/contract/failure.ts';
import { wrapFsError } from '../adapters/files/failure.ts';
import { exitCodes } from './invocation.ts';
import { paint, remark, remarkJson } from './terminal.ts';

/** A failure as it is told: to a person in three lines, to a program as JSON. */
type Told = { readonly code: string; readonly message: string; readonly fix: string; readonly exitCode: number };

/** Tells a failure on standard error and gives the exit code. A bug shows its stack only when asked. */
export function tellFailure(error: unknown, { asJson, debug }: { asJson: boolean; debug: boolean }): number {
  const told = toldOf(error);
  if (told === null) return exitCodes.ok;
  if (asJson) remarkJson({ code: told.code, message: told.message, fix: told.fix });
  else {
    remark(`${paint('error:', { tone: 'bad', on: 'error' })} ${told.message}`);
    if (told.fix !== '') remark(`${paint('fix:', { tone: 'good', on: 'error' })}   ${told.fix}`);
    remark(paint(`code:  ${told.code}`, { tone: 'dim', on: 'error' }));
  }
  if (debug && error instanceof Error) remark(stackOf(error));
  return told.exitCode;
}

/** Failures of what was asked for, rather than of doing it. */
const usageCodes = new Set([
  'DEFINITION_INVALID',
  'FILE_MISSING',
  'FILE_NOT_FOUND',
  'FILE_IS_A_DIRECTORY',
  'MODEL_INVALID',
  'MODEL_MISMATCH',
  'RULES_INVALID',
  'RULE_SET_INVALID',
  'RULE_SET_MISMATCH',
  'RUN_CHANGED',
  'RUN_MISSING',
  'OUT_TAKEN',
  'USAGE',
]);

function toldOf(error: unknown): Told | null {
  if (error instanceof CommanderError) return usageTold(error);
  const known = wrapFsError(error, 'the file system');
  if (known instanceof WeirError) {
    const isUsage = usageCodes.has(known.code) || /^(SOURCE|MAPPING|BAD)_/.test(known.code);
    const { code, message, fix } = known;
    return { code, message, fix, exitCode: isUsage ? exitCodes.usage : exitCodes.failed };
  }
  return {
    code: 'BUG',
    message: `this should not have happened: ${error instanceof Error ? error.message : String(error)}`,
    fix: 'Run the same command with --debug and report what it prints.',
    exitCode: exitCodes.failed,
  };
}

/** Null for help and version, which are no failures. */
function usageTold({ code, exitCode, message }: CommanderError): Told | null {
  if (code === 'commander.helpDisplayed' || code === 'commander.version') return null;
  if (code === 'commander.help' && exitCode === 0) return null;
  if (code === 'commander.help') {
    return {
      code: 'USAGE',
      message: 'got no command, expected one',
      fix: 'Start with `weir demo`.',
      exitCode: exitCodes.usage,
    };
  }
  const [first = '', hint = ''] = message.replace(/^error: /, '').split('\n');
  const fix = hint === '' ? 'Run the command with --help to see what it takes.' : hint.replace(/^\((.*)\)$/, '$1');
  return { code: 'USAGE', message: first, fix, exitCode: exitCodes.usage };
}

function stackOf(error: Error): string {
  const cause = error.cause instanceof Error ? `\ncaused by ${stackOf(error.cause)}` : '';
  return `${error.stack ?? String(error)}${cause}`;
}
