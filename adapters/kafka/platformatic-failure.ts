import { GenericError, MultipleErrors } from '@platformatic/kafka';
import type { WeirError } from '../../core/contract/failure.ts';
import { kafkaFailure } from './kafka-failure.ts';
import { withinLimit } from './time-limit.ts';

/** Runs a call of the library within a limit of time; its failure is thrown as a `WeirError`. */
export async function asked<Result>(doing: string, call: () => Promise<Result>, limitMs?: number): Promise<Result> {
  try {
    return await withinLimit({ doing, ...(limitMs === undefined ? {} : { limitMs }) }, call);
  } catch (error) {
    throw failureOf(error, doing);
  }
}

/** A failure of the library as a `WeirError`. */
export function failureOf(error: unknown, doing: string): WeirError {
  return kafkaFailure(error, { doing, names: namesOf(error) });
}

/** The broker's names of all errors that a failure is made of. */
export function namesOf(error: unknown): string[] {
  if (error instanceof MultipleErrors) {
    const inner: readonly unknown[] = error.errors;
    return [...inner, error.cause].flatMap(namesOf);
  }
  if (!(error instanceof GenericError)) return [];
  const name: unknown = error['apiId'];
  return [...(typeof name === 'string' ? [name] : []), ...namesOf(error.cause)];
}
