/** A price of one region, in USD, with where it is from. */
export type Price = {
  readonly usd: number;
  /** What one costs: `vCPU-hour`, `GiB`. */
  readonly unit: string;
  readonly source: string;
  /** Month in which it was looked up, `input` where nobody could: check it before you rely on it. */
  readonly dated: string;
};

const listed = (usd: number, unit: string, page: string, dated: string): Price => ({
  usd,
  unit,
  source: `list price, us-east-1, aws.amazon.com/${page}/pricing`,
  dated,
});
const input = (usd: number, unit: string, source: string): Price => ({ usd, unit, source, dated: 'input' });

/** Every price that the formulas use. */
export const prices = {
  lambdaGbSecond: listed(0.0000133334, 'GB-second, arm', 'lambda', '2026-09'),
  lambdaRequestsMillion: listed(0.2, 'million requests', 'lambda', '2026-09'),
  lambdaPollerHour: listed(0.185, 'event poller unit-hour, 20 MB/s', 'lambda', '2026-09'),
  mskBrokerHour: listed(0.408, 'broker-hour, express.m7g.large', 'msk', '2026-08'),
  mskInGib: listed(0.01, 'GiB in', 'msk', '2026-08'),
  mskStorageGibMonth: listed(0.1, 'GiB-month', 'msk', '2026-08'),
  crossZoneGib: listed(0.02, 'GiB between zones, both sides', 'ec2', '2026-08'),
  fargateVcpuHour: listed(0.03238, 'vCPU-hour, arm', 'fargate', '2026-03'),
  fargateGbHour: listed(0.00356, 'GB-hour, arm', 'fargate', '2026-03'),
  spotShare: input(0.4, 'of the on-demand price', 'an assumption: Spot prices move'),
  flinkKpuHour: listed(0.11, 'KPU-hour', 'managed-service-apache-flink', '2026-08'),
  dynamoWriteUnitHour: listed(0.00065, 'write unit-hour, provisioned', 'dynamodb', '2025-07'),
  kinesisShardHour: input(0.015, 'shard-hour', "a third party's table of 2026"),
  kinesisPutUnitsMillion: input(0.014, 'million PUT units of 25 KB', "a third party's table of 2026"),
  s3PutsThousand: input(0.005, 'thousand PUTs', 'the list price of many years'),
  s3GbMonth: input(0.023, 'GB-month, standard', 'the list price of many years'),
} as const satisfies Record<string, Price>;

/** A name of the price table. */
export type PriceName = keyof typeof prices;

/** The prices that are used: the table, or a change of it. */
export type PriceList = Readonly<Record<PriceName, Price>>;
