import { expect, test } from 'vitest';
import { kinesisFailure } from '../../../adapters/kinesis/kinesis-failure.ts';

function codeOf(name: string, message: string): string {
  return kinesisFailure(Object.assign(new Error(message), { name }), 'reading payments').code;
}

test.each([
  'Shard shardId-000000000000 in stream payments under account 000000000000 does not exist',
  'Could not find shard shardId-000000000000 under stream payments',
  'Shard not found',
])('a shard that is gone means that keys have moved: %s', (message) => {
  expect(codeOf('ResourceNotFoundException', message)).toBe('SHARDS_CHANGED');
});

test.each(['Stream payments under account 000000000000 not found.', 'Stream shards not found'])(
  'a stream that is gone is told apart from a shard: %s',
  (message) => {
    expect(codeOf('ResourceNotFoundException', message)).toBe('STREAM_UNKNOWN');
  },
);

test('what Kinesis may mend by itself is tried again', () => {
  expect(codeOf('ProvisionedThroughputExceededException', 'Rate exceeded')).toBe('KINESIS_UNREACHABLE');
});
