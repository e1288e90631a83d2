import { WeirError } from '../../core/contract/failure.ts';
import type { TopicPartition } from './port.ts';

type Advice = { readonly code: string; readonly what: string; readonly fix: string };

const fenced: Advice = {
  code: 'FENCED',
  what: 'another owner of the same id has taken over',
  fix: 'Stop this process: nothing of it is committed any more.',
};

/** By the broker's own name of an error. */
const adviceByName: ReadonlyMap<string, Advice> = new Map([
  ['INVALID_PRODUCER_EPOCH', fenced],
  ['PRODUCER_FENCED', fenced],
  ['INVALID_PRODUCER_ID_MAPPING', fenced],
  ['INVALID_TXN_STATE', fenced],
  ['TRANSACTION_COORDINATOR_FENCED', fenced],
  [
    'FENCED_INSTANCE_ID',
    {
      code: 'INSTANCE_TAKEN',
      what: 'another member has the same instance id',
      fix: 'Give each worker of a group an --instance-id of its own.',
    },
  ],
  [
    'SASL_AUTHENTICATION_FAILED',
    {
      code: 'KAFKA_SIGN_IN_FAILED',
      what: 'the cluster does not take the credentials',
      fix: 'Check --auth, the credentials of the environment and what they are allowed.',
    },
  ],
  [
    'UNKNOWN_TOPIC_OR_PARTITION',
    { code: 'TOPIC_UNKNOWN', what: 'the cluster has no such topic', fix: 'Make it: weir topics apply' },
  ],
  [
    'TOPIC_ALREADY_EXISTS',
    { code: 'TOPIC_EXISTS', what: 'the topic is there already', fix: 'See what differs: weir topics plan' },
  ],
  [
    'TOPIC_AUTHORIZATION_FAILED',
    { code: 'KAFKA_DENIED', what: 'the topic is not allowed to this user', fix: 'Grant it, then try again.' },
  ],
  [
    'GROUP_AUTHORIZATION_FAILED',
    { code: 'KAFKA_DENIED', what: 'the group is not allowed to this user', fix: 'Grant it, then try again.' },
  ],
  [
    'MESSAGE_TOO_LARGE',
    {
      code: 'RECORD_TOO_LARGE',
      what: 'a record is larger than the topic takes',
      fix: 'Raise max.message.bytes of the topic.',
    },
  ],
]);

/** An error of a client library as a `WeirError`: the broker's name for it decides, else the cluster did not answer. */
export function kafkaFailure(
  error: unknown,
  { doing, names }: { readonly doing: string; readonly names: readonly string[] },
): WeirError {
  if (error instanceof WeirError) return error;
  const name = names.find((candidate) => adviceByName.has(candidate)) ?? names[0];
  const advice = adviceByName.get(name ?? '') ?? {
    code: name === undefined ? 'KAFKA_UNREACHABLE' : 'KAFKA_FAILED',
    what: name === undefined ? 'the cluster did not answer' : `the cluster said ${name}`,
    fix: 'Check the brokers and the network; what was not committed is read again.',
  };
  const reason = error instanceof Error ? error.message : String(error);
  return new WeirError({
    code: advice.code,
    message: `Kafka, while ${doing}: ${advice.what} (${reason})`,
    fix: advice.fix,
    facts: { doing, error: name ?? null },
    cause: error,
  });
}

/** What a partition no longer has, or does not have yet: going on elsewhere would lose records without a word. */
export function outOfRange(
  at: TopicPartition & { readonly offset: number; readonly firstOffset: number; readonly endOffset: number },
): WeirError {
  const { topic, partition, offset, firstOffset, endOffset } = at;
  const lost = firstOffset - offset;
  const what = lost > 0 ? `${lost} records are lost to retention` : 'the topic is shorter than what was read of it';
  return new WeirError({
    code: 'OFFSET_OUT_OF_RANGE',
    message: `got offset ${offset} of ${topic} partition ${partition}, expected one of [${firstOffset}, ${endOffset}]: ${what}`,
    fix: 'Restore the records from the archive, or begin again with a new --state and --group. Lengthen retention.ms.',
    facts: { topic, partition, offset, firstOffset, endOffset },
  });
}
