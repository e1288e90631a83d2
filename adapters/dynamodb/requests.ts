import { setTimeout as delay } from 'node:timers/promises';
import { ConditionalCheckFailedException, DynamoDBServiceException } from '@aws-sdk/client-dynamodb';
import { WeirError } from '../../core/contract/failure.ts';
import { dynamoFailure } from './dynamo-failure.ts';

/** Limits of what is asked of DynamoDB. */
export type RequestLimits = {
  /** Of one request, the first one counted. */
  readonly attemptsMax: number;
  /** The wait before the second attempt at most; it doubles. */
  readonly backoffMs: number;
  readonly backoffMsMax: number;
};

/** What one attempt may take. */
export const requestMs = 3000;

export const requestLimits: RequestLimits = { attemptsMax: 8, backoffMs: 20, backoffMsMax: 1000 };

/** What befell the requests so far, by the name of the failure. */
export type RequestCounts = Map<string, number>;

/**
 * Asks until there is an answer that is none of those that pass: throttled, timed out, cut off, an error of the server. Whatever
 * is asked must change nothing when it is asked again. Throws `DYNAMODB_UNAVAILABLE` after the last attempt; other failures
 * as they come: a failed condition as it is, any other answer of the server as `dynamoFailure` tells it.
 */
export async function askPersistently<T>(
  ask: () => Promise<T>,
  { what, limits, counts }: { readonly what: string; readonly limits: RequestLimits; readonly counts: RequestCounts },
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await ask();
    } catch (error) {
      const name = passingFailure(error);
      if (name === null) throw isRefusal(error) ? dynamoFailure(error, what) : error;
      counts.set(name, (counts.get(name) ?? 0) + 1);
      if (attempt >= limits.attemptsMax) throw unavailable({ what, attempt, error, name });
      await backOff(limits, attempt);
    }
  }
}

/** Waits before attempt number `attempt + 1`: a random time, so that those who failed together do not come back together. */
export async function backOff({ backoffMs, backoffMsMax }: RequestLimits, attempt: number): Promise<void> {
  await delay(Math.random() * Math.min(backoffMsMax, backoffMs * 2 ** (attempt - 1)));
}

const passing = new Set([
  'ProvisionedThroughputExceededException',
  'ThrottlingException',
  'RequestLimitExceeded',
  'TransactionInProgressException',
  'InternalServerError',
  'ServiceUnavailable',
  'TimeoutError',
  'ECONNRESET',
  'ECONNREFUSED',
  'EPIPE',
  'ETIMEDOUT',
]);

/** An answer of the server, such as that access is denied or a table is missing; a failed condition is an answer as well. */
function isRefusal(error: unknown): boolean {
  return error instanceof DynamoDBServiceException && !(error instanceof ConditionalCheckFailedException);
}

/** The name of a failure that may pass; null of any other. */
function passingFailure(error: unknown): string | null {
  if (!(error instanceof Error)) return null;
  if (passing.has(error.name)) return error.name;
  const code = 'code' in error ? String(error.code) : '';
  return passing.has(code) ? code : null;
}

function unavailable(failed: {
  readonly what: string;
  readonly attempt: number;
  readonly error: unknown;
  readonly name: string;
}): WeirError {
  const { what, attempt, error, name } = failed;
  return new WeirError({
    code: 'DYNAMODB_UNAVAILABLE',
    message: `${what}: got ${name} in each of ${attempt} attempts, expected an answer`,
    fix: 'The record comes again. Where it lasts, look at the throttled requests of the table, and raise its limits.',
    facts: { what, attempt, name },
    cause: error,
  });
}
