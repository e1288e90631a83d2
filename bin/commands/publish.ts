import type { Command } from 'commander';
import type { SourceItem } from '../../adapters/files/source.ts';
import type { KafkaAdmin, OutgoingRecord } from '../../adapters/kafka/port.ts';
import { openRecordWriter, type RecordEncoding, type RecordWriter } from '../../adapters/registry/record-writer.ts';
import type { Contract } from '../../core/contract/contract.ts';
import { contracts } from '../../core/contract/contracts.ts';
import { decodeFields } from '../../core/decode/decode-contract.ts';
import { partitionOf } from '../../runtime/partitions.ts';
import { addClusterOptions, type ClusterCommandOptions, openAskedCluster } from '../cluster-options.ts';
import { formatCount } from '../format.ts';
import { listenForInterruption } from '../interruption.ts';
import { addExamples, exitCodes, type Invocation, jsonOption } from '../invocation.ts';
import { addRegistryOptions, openAskedRegistry, type RegistryOptions } from '../registry-options.ts';
import { openScreen } from '../screen.ts';
import { addSourceOptions, openAskedSource, type SourceFileOptions, untilAborted } from '../source-options.ts';
import { remark, say, sayJson } from '../terminal.ts';

type PublishOptions = SourceFileOptions &
  ClusterCommandOptions &
  RegistryOptions & {
    readonly prefix: string;
    readonly json?: true;
  };

/** Adds `weir publish`. */
export function addPublish(program: Command, invocation: Invocation): void {
  const command = program
    .command('publish')
    .summary('write the events of a file to Kafka topics')
    .description(
      'Writes the events of a file to the topics of their contracts, each in the partition of its key. What a contract refuses is not written: it is counted and told, and the exit code is 3.',
    );
  addClusterOptions(addRegistryOptions(addSourceOptions(command)))
    .option('--prefix <text>', 'before the name of each topic, such as prod.', '')
    .addOption(jsonOption());
  addExamples(
    command,
    'weir publish --source examples/small/payments.csv --bootstrap 127.0.0.1:9092',
    'weir publish --source - --bootstrap 127.0.0.1:9092 --prefix prod. --json',
    'weir publish --source examples/small/payments.csv --bootstrap 127.0.0.1:9092 --registry weir-out/registry',
  );
  command.action(async (options: PublishOptions) => {
    invocation.exitCode = await publish(options);
  });
}

/** Refused events that are told one by one. */
const refusalsTold = 5;

async function publish(options: PublishOptions): Promise<number> {
  using interruption = listenForInterruption();
  const { signal } = interruption;
  const source = await openAskedSource(options);
  const driver = await openAskedCluster('weir-publish', options);
  const admin = await driver.openAdmin();
  const producer = await driver.openProducer();
  const { encoding } = await openAskedRegistry(options);
  const destinations = createDestinations(admin, { prefix: options.prefix, encoding });
  let published = 0;
  let refused = 0;
  using _screen = openScreen(() => [`${formatCount(published)} events published, ${formatCount(refused)} refused`]);
  try {
    for await (const batch of untilAborted(source.events(), signal)) {
      const records: OutgoingRecord[] = [];
      for (const item of batch) {
        const record = await recordOf(item, destinations);
        if ('why' in record) {
          if (refused++ < refusalsTold) remark(`refused: ${record.why}`);
        } else records.push(record);
      }
      await producer.send(records);
      published += records.length;
    }
  } finally {
    await producer.close();
    await admin.close();
  }
  if (options.json) sayJson({ published, refused });
  else say(`${formatCount(published)} events published, ${formatCount(refused)} refused`);
  if (signal.aborted) return exitCodes.interrupted;
  return refused > 0 ? exitCodes.negative : exitCodes.ok;
}

type Destination = {
  readonly writer: RecordWriter;
  readonly topic: string;
  /** Looked up when the first event is to be written. */
  readonly partitions: () => Promise<number>;
};
type Destinations = (contract: Contract) => Promise<Destination>;

/** Looks up each topic once, and makes its schema known. */
function createDestinations(
  admin: KafkaAdmin,
  { prefix, encoding }: { readonly prefix: string; readonly encoding: RecordEncoding },
): Destinations {
  const known = new Map<string, Promise<Destination>>();
  const open = async (contract: Contract): Promise<Destination> => {
    const topic = `${prefix}${contract.topic}`;
    const writer = await openRecordWriter({ contract, topic, encoding });
    let description: ReturnType<KafkaAdmin['describeTopic']> | undefined;
    const partitions = async (): Promise<number> => (await (description ??= admin.describeTopic(topic))).partitions;
    return { topic, partitions, writer };
  };
  return (contract) => {
    const found = known.get(contract.topic) ?? open(contract);
    known.set(contract.topic, found);
    return found;
  };
}

async function recordOf(
  item: SourceItem,
  destinations: Destinations,
): Promise<OutgoingRecord | { readonly why: string }> {
  const contract = contracts.get(item.topic);
  if (contract === undefined) {
    const decoded = decodeFields(contracts, item);
    return { why: decoded.ok ? item.topic : decoded.refusal.message };
  }
  const { topic, partitions, writer } = await destinations(contract);
  const written = writer.write(item.bytes);
  if (!written.ok) return { why: written.refusal.message };
  const { event, value } = written;
  const key = String(event[contract.key]);
  const partition = partitionOf({ tenantId: String(event['tenantId']), key }, await partitions());
  return { topic, partition, key: Buffer.from(key), value };
}
