import { WeirError } from '../../core/contract/failure.ts';

/** An error of the client as a `WeirError`. */
export function dynamoFailure(error: unknown, doing: string): WeirError {
  if (error instanceof WeirError) return error;
  const name = error instanceof Error ? error.name : 'unknown';
  const reason = error instanceof Error ? error.message : String(error);
  const isDenied = name === 'AccessDeniedException' || name === 'UnrecognizedClientException';
  return new WeirError({
    code: isDenied ? 'DYNAMODB_DENIED' : 'DYNAMODB_UNREACHABLE',
    message: `DynamoDB, while ${doing}: ${name} (${reason})`,
    fix: isDenied
      ? 'Check the credentials of the environment and what they are allowed.'
      : 'Check the endpoint and the network; what was not committed is read again.',
    facts: { doing, error: name },
    cause: error,
  });
}

/** What an owner writes after another has taken over. */
export function fenced({ shardId, epoch, owner }: { shardId: string; epoch: number; owner: string }): WeirError {
  return new WeirError({
    code: 'FENCED',
    message: `got epoch ${epoch} of ${owner} for ${shardId}, expected that of its owner now: another one has taken over`,
    fix: 'Nothing is to do: nothing of it is committed any more.',
    facts: { shardId, epoch, owner },
  });
}
