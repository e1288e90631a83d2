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

// The library is older than these errors, and knows them by their numbers alone.
const namesByCode: ReadonlyMap<unknown, string> = new Map([
  [90, 'PRODUCER_FENCED'],
  [82, 'FENCED_INSTANCE_ID'],
]);

const namesByKind: ReadonlyMap<string, string> = new Map([
  ['KafkaJSSASLAuthenticationError', 'SASL_AUTHENTICATION_FAILED'],
]);

/** The broker's names of all errors that a failure is made of. */
function namesOf(error: unknown): string[] {
  if (!(error instanceof Error)) return [];
  const code = ('code' in error ? namesByCode.get(error.code) : undefined) ?? namesByKind.get(error.name);
  const type = 'type' in error && typeof error.type === 'string' && error.type !== 'UNKNOWN' ? error.type : undefined;
  const inner: readonly unknown[] = 'errors' in error && Array.isArray(error.errors) ? error.errors : [];
  return [code ?? type, ...inner.flatMap(namesOf), ...namesOf(error.cause)].filter((name) => name !== undefined);
}
