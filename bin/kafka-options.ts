import { type Command, InvalidArgumentError, Option } from 'commander';
import { decisionContract } from '../core/contract/decision.ts';
import { WeirError } from '../core/contract/failure.ts';
import { addAuthOption, type AuthOptions } from './cluster-options.ts';
import { wholeNumber } from './invocation.ts';
import { addRegistryOptions, type RegistryOptions } from './registry-options.ts';

/** The options of a run from Kafka, and from Kinesis. */
export type KafkaRunOptions = RegistryOptions &
  AuthOptions & {
    readonly group?: string;
    readonly state?: string;
    readonly instanceId?: string;
    readonly decisions: string;
    readonly client: 'platformatic' | 'kafkajs';
    readonly metricsPort?: number;
    readonly metricLines?: true;
    readonly traces?: string;
    readonly traceShare: number;
    readonly cutRecords: number;
    readonly fetchWaitMs: number;
    readonly sessionTimeoutMs: number;
    readonly leases: string;
    readonly pollMs: number;
  };

/** Adds the options of a run from Kafka, and from Kinesis. */
export function addKafkaOptions(command: Command): Command {
  return addAuthOption(addRegistryOptions(command))
    .option('--group <group>', 'from Kafka or Kinesis: the group whose members share the partitions')
    .option(
      '--state <place>',
      'from Kafka or Kinesis: the folder of the partitions that all members reach; from Kafka also s3://BUCKET/PREFIX',
    )
    .option(
      '--instance-id <id>',
      'from Kafka or Kinesis: a name that outlives the process, so that a restart moves nothing',
    )
    .option(
      '--decisions <topic>',
      'from Kafka or Kinesis: the topic or stream where decisions go',
      decisionContract.topic,
    )
    .option('--leases <table>', 'from Kinesis: the table of DynamoDB that says who reads which shard', 'weir-leases')
    .option('--poll-ms <ms>', 'from Kinesis: between two reads of a shard', wholeNumber(1), 200)
    .addOption(
      new Option('--client <client>', 'from Kafka: the client library')
        .choices(['platformatic', 'kafkajs'])
        .default('platformatic'),
    )
    .option('--metrics-port <port>', 'from Kafka or Kinesis: serve /metrics for Prometheus there', wholeNumber(0))
    .option('--metric-lines', 'from Kafka or Kinesis: write metrics for CloudWatch (EMF) to stderr, a line each 10 s')
    .option('--traces <url>', 'from Kafka: send traces there, OTLP over HTTP such as http://HOST:4318/v1/traces')
    .option('--trace-share <share>', 'from Kafka: the share of batches that is traced, 0 to 1', share, 0.01)
    .option(
      '--cut-records <n>',
      'from Kafka or Kinesis: records between two checkpoints of a partition: what a crash takes again at most',
      wholeNumber(1),
      32_768,
    )
    .option(
      '--fetch-wait-ms <ms>',
      'from Kafka: how long a broker gathers records: less is sooner and dearer',
      wholeNumber(1),
      30,
    )
    .option(
      '--session-timeout-ms <ms>',
      'from Kafka or Kinesis: after which a silent member is given up',
      wholeNumber(1000),
      10_000,
    );
}

/** A required option that is missing. */
export function missing(option: string, source: string): WeirError {
  return new WeirError({
    code: 'USAGE',
    message: `got no ${option}, expected it for a run from ${source}`,
    fix: 'See the examples of weir run --help.',
  });
}

function share(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && value >= 0 && value <= 1) return value;
  throw new InvalidArgumentError('Expected a share from 0 to 1.');
}
