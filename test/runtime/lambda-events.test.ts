import { expect, test } from 'vitest';
import { aggregate } from '../../core/decode/aggregated-record.ts';
import { contractHeader, frame, kafkaBatches, kinesisBatches } from '../../runtime/lambda-events.ts';

const contract = 'payments.authorization.v1';
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const base64 = (data: Uint8Array): string => Buffer.from(data).toString('base64');

function kinesisRecord(shard: number, sequenceNumber: string, data: Uint8Array): unknown {
  return {
    eventID: `shardId-00000000000${shard}:${sequenceNumber}`,
    eventSourceARN: 'arn:aws:kinesis:eu-central-1:123456789012:stream/payments',
    kinesis: { partitionKey: 'a', sequenceNumber, data: base64(data), approximateArrivalTimestamp: 1545084650.987 },
  };
}

function kafkaRecord(topic: string, partition: number, offset: number, others: object): unknown {
  return { topic, partition, offset, timestamp: 1545084650987, timestampType: 'CREATE_TIME', headers: [], ...others };
}

test('aggregated Kinesis records are taken apart, each with its place in the record', () => {
  const packed = aggregate([
    { partitionKey: 'a', data: bytes('{1}') },
    { partitionKey: 'b', data: frame('payments.clearing.v1', bytes('{2}')) },
  ]);
  const Records = [
    kinesisRecord(3, '10', packed),
    kinesisRecord(3, '12', bytes('{3}')),
    kinesisRecord(4, '11', bytes('\n{')),
  ];
  const [third, fourth] = kinesisBatches({ Records }, contract);
  expect(third).toMatchObject({
    source: 'payments/shardId-000000000003',
    partition: 3,
    identifiers: ['10', '10', '12'],
  });
  expect(
    third?.records.map(({ contract: of, position, bytes: data }) => [of, position, Buffer.from(data).toString()]),
  ).toEqual([
    [contract, { sequence: '10', subsequence: 0 }, '{1}'],
    ['payments.clearing.v1', { sequence: '10', subsequence: 1 }, '{2}'],
    [contract, { sequence: '12', subsequence: 0 }, '{3}'],
  ]);
  expect(third?.records[0]).toMatchObject({ offset: null, ingestTimeMs: 1545084650987 });
  expect(fourth?.records.map(({ contract: of }) => of)).toEqual([contract]);
});

test('a Kafka payload that mixes partitions is a batch for each, and a tombstone has no bytes', () => {
  const header = [...bytes('payments.reversal.v1')];
  const payload = {
    eventSource: 'aws:kafka',
    records: {
      'x.payments.clearing.v1-0': [
        kafkaRecord('x.payments.clearing.v1', 0, 100, { value: base64(bytes('{}')) }),
        kafkaRecord('x.payments.clearing.v1', 0, 103, { value: null }),
      ],
      'mixed-12': [
        kafkaRecord('mixed', 12, 7, {
          value: base64(bytes('{}')),
          headers: [{ trace: [1] }, { [contractHeader]: header }],
        }),
        kafkaRecord('mixed', 12, 8, {}),
      ],
      'empty-0': [],
    },
  };
  const batches = kafkaBatches(payload, contract);
  expect(batches.map(({ source, partition, identifiers }) => ({ source, partition, identifiers }))).toEqual([
    {
      source: 'x.payments.clearing.v1/0',
      partition: 0,
      identifiers: [
        { partition: 'x.payments.clearing.v1-0', offset: 100 },
        { partition: 'x.payments.clearing.v1-0', offset: 103 },
      ],
    },
    { source: 'mixed/12', partition: 12, identifiers: [7, 8].map((offset) => ({ partition: 'mixed-12', offset })) },
  ]);
  expect(
    batches.flatMap(({ records }) => records.map((record) => [record.contract, record.offset, record.bytes.length])),
  ).toEqual([
    ['payments.clearing.v1', 100, 2],
    ['payments.clearing.v1', 103, 0],
    ['payments.reversal.v1', 7, 2],
    [contract, 8, 0],
  ]);
});

test('a payload of another shape is refused as a whole, an empty one is no batch', () => {
  expect(() => kinesisBatches({ Records: [{ eventID: 'x' }] }, contract)).toThrow(/eventSourceARN/);
  expect(() => kafkaBatches({ Records: [] }, contract)).toThrow(/records/);
  expect(kinesisBatches({ Records: [] }, contract)).toEqual([]);
  expect(kafkaBatches({ records: {} }, contract)).toEqual([]);
});
