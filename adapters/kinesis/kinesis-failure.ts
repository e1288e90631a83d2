import { WeirError } from '../../core/contract/failure.ts';

/** By the name that Kinesis gives an error. */
const adviceByName: ReadonlyMap<string, { readonly code: string; readonly fix: string }> = new Map([
  [
    'ResourceNotFoundException',
    { code: 'STREAM_UNKNOWN', fix: 'Make the stream, or correct --source and --decisions.' },
  ],
  [
    'a shard',
    { code: 'SHARDS_CHANGED', fix: 'Keys have moved: begin with a new --group and --state on a new stream.' },
  ],
  ['AccessDeniedException', { code: 'KINESIS_DENIED', fix: 'Grant it, then try again.' }],
  ['UnrecognizedClientException', { code: 'KINESIS_DENIED', fix: 'Check the credentials of the environment.' }],
]);

/** Kinesis names the shard, emulators of it need not; of a stream all of them say "Stream NAME ... not found". */
const shardUnknown = /^(could not find )?shard\b|shardId-\d+ (not found|does not exist|under stream)/i;

/** An error of the client as a `WeirError`. */
export function kinesisFailure(error: unknown, doing: string): WeirError {
  if (error instanceof WeirError) return error;
  const name = error instanceof Error ? error.name : 'unknown';
  const reason = error instanceof Error ? error.message : String(error);
  const isShard = name === 'ResourceNotFoundException' && shardUnknown.test(reason);
  const advice = adviceByName.get(isShard ? 'a shard' : name) ?? {
    code: 'KINESIS_UNREACHABLE',
    fix: 'Check the endpoint and the network; what was not committed is read again.',
  };
  const facts = { doing, error: name };
  return new WeirError({ ...advice, message: `Kinesis, while ${doing}: ${name} (${reason})`, facts, cause: error });
}

/** A stream that goes on refusing records. */
export function putRefused({ stream, why, left }: { stream: string; why: string; left: number }): WeirError {
  return new WeirError({
    code: 'KINESIS_UNREACHABLE',
    message: `${stream} did not take ${left} records after all attempts: ${why}`,
    fix: 'Give the stream more shards, or see what else writes to it.',
    facts: { stream, why, left },
  });
}

/** What is not in the stream any more: going on behind it would lose records without a word. */
export function trimmed(at: { stream: string; shardId: string; sequence: string; found: string }): WeirError {
  return new WeirError({
    code: 'OFFSET_OUT_OF_RANGE',
    message: `got record ${at.found} of ${at.stream} ${at.shardId}, expected to go on after ${at.sequence}, which is no longer there: what lay between is lost to retention`,
    fix: 'Restore the records from the archive, or begin again with a new --state and --group. Lengthen the retention.',
    facts: at,
  });
}
