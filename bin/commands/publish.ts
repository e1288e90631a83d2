import type { Command } from 'commander';
import type { SourceItem } from '../../adapters/files/source.ts';
import type { KafkaAdmin, OutgoingRecord } from '../../adapters/kafka/port.ts';
import { contracts } from '../../core/contract/contracts.ts';
import { decodeFields } from '../../core/decode/decode-contract.ts';
import { partitionOf } from '../../runtime/partitions.ts';
import { formatCount } from '../format.ts';
import { listenForInterruption } from '../interruption.ts';
import { addExamples, exitCodes, type Invocation, jsonOption } from '../invocation.ts';
import { openScreen } from '../screen.ts';
import { addSourceOptions, openAskedSource, type SourceFileOptions, untilAborted } from '../source-options.ts';
import { remark, say, sayJson } from '../terminal.ts';

type PublishOptions = SourceFileOptions & {
  readonly bootstrap: string;
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
  addSourceOptions(command)
    .requiredOption('--bootstrap <brokers>', 'HOST:PORT of brokers, with commas between')
    .option('--prefix <text>', 'before the name of each topic, such as prod.', '')
    .addOption(jsonOption());
  addExamples(
    command,
    'weir publish --source examples/small/payments.csv --bootstrap 127.0.0.1:9092',
    'weir publish --source - --bootstrap 127.0.0.1:9092 --prefix prod. --json',
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
  const { platformaticDriver } = await import('../../adapters/kafka/platformatic.ts');
  const driver = platformaticDriver({ clientId: 'weir-publish', bootstrap: options.bootstrap.split(',') });
  const admin = await driver.openAdmin();
  const producer = await driver.openProducer();
  const address = createAddresses(admin, options.prefix);
  let published = 0;
  let refused = 0;
  using _screen = openScreen(() => [`${formatCount(published)} events published, ${formatCount(refused)} refused`]);
  try {
    for await (const batch of untilAborted(source.events(), signal)) {
      const records: OutgoingRecord[] = [];
      for (const item of batch) {
        const record = await recordOf(item, address);
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

type Addresses = (contract: string) => Promise<{ readonly topic: string; readonly partitions: number }>;

/** Looks up each topic once. */
function createAddresses(admin: KafkaAdmin, prefix: string): Addresses {
  const known = new Map<string, ReturnType<Addresses>>();
  return (contract) => {
    const topic = `${prefix}${contract}`;
    const found = known.get(contract) ?? admin.describeTopic(topic).then(({ partitions }) => ({ topic, partitions }));
    known.set(contract, found);
    return found;
  };
}

async function recordOf(item: SourceItem, address: Addresses): Promise<OutgoingRecord | { readonly why: string }> {
  const decoded = decodeFields(contracts, item);
  if (!decoded.ok) return { why: decoded.refusal.message };
  const { contract, event } = decoded;
  const { topic, partitions } = await address(contract.topic);
  const key = String(event[contract.key]);
  const partition = partitionOf({ tenantId: String(event['tenantId']), key }, partitions);
  return { topic, partition, key: Buffer.from(key), value: item.bytes };
}
