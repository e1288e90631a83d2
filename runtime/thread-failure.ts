import { wrapFsError } from '../adapters/files/failure.ts';
import { WeirError } from '../core/contract/failure.ts';

/** A failure as it goes from one thread to another: an error loses its class and what is not its message on the way. */
export type FailureMessage = {
  readonly code: string | null;
  readonly message: string;
  readonly fix: string;
  readonly facts: WeirError['facts'];
  readonly stack: string;
};

/** Packs what was thrown; the failure of a system call becomes a `WeirError`, since its errno would be lost. */
export function failureMessage(thrown: unknown): FailureMessage {
  const error = wrapFsError(thrown, 'the file system');
  const stack = error instanceof Error ? (error.stack ?? '') : '';
  if (error instanceof WeirError) {
    return { code: error.code, message: error.message, fix: error.fix, facts: error.facts, stack };
  }
  return { code: null, message: error instanceof Error ? error.message : String(error), fix: '', facts: {}, stack };
}

/** What was thrown again: a `WeirError`, or a bug with the other thread's stack. */
export function errorOf({ code, message, fix, facts, stack }: FailureMessage): Error {
  if (code !== null) return new WeirError({ code, message, fix, facts });
  const error = new Error(message);
  error.stack = stack;
  return error;
}
