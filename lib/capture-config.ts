import { z } from 'zod';

/** The capture of a PostgreSQL database's changes. */
export const captureSchema = z.strictObject({
  /** `dms` writes to a stream of its own; `debezium` to topics of an MSK cluster, which takes no DMS where it takes IAM alone. */
  by: z.enum(['dms', 'debezium']),
  engine: z.enum(['postgres', 'aurora-postgresql']).default('postgres'),
  database: z.string().min(1),
  /** A secret with `username`, `password`, `host` and `port`, as RDS makes it. */
  secretArn: z.string().regex(/^arn:[\w-]+:secretsmanager:[\w-]+:\d{12}:secret:[\w/+=.@-]+$/, 'the ARN of a secret'),
  /** The key of the secret where it is one of yours. */
  secretKeyArn: z
    .string()
    .regex(/^arn:[\w-]+:kms:[\w-]+:\d{12}:key\/[\w-]+$/, 'the ARN of a key')
    .optional(),
  /** Each `schema.table`. */
  tables: z
    .array(z.string().regex(/^\w+\.\w+$/, 'schema.table'))
    .min(1)
    .max(100),
  /** On MSK, the topic of inputs that events go to, whatever their contract. */
  topic: z.string().default('payments.dispute.v1'),
  /** Shards of the stream of DMS. Its records come in order in one. */
  shards: z.int().min(1).max(100).default(1),
  /** Of DMS: 1 is 2 GB. */
  capacityUnitsMax: z.union([z.literal(1), z.literal(2), z.literal(4), z.literal(8), z.literal(16)]).default(2),
  /** Of DMS, one an account: the role by which it looks at networks. `there` where somebody has made it. */
  vpcRole: z.enum(['make', 'there']).default('make'),
  /** Of Debezium: the connector with a provider of secrets, as one ZIP in a bucket. */
  plugin: z.strictObject({ bucketArn: z.string().startsWith('arn:'), key: z.string().min(1) }).optional(),
});

/** What is captured, and by what. */
export type CaptureConfig = z.infer<typeof captureSchema>;

/** Why a capture cannot be, and what to choose instead; null where it can. */
export function refusedCapture(
  capture: CaptureConfig,
  { backbone, runtime }: { readonly backbone: string; readonly runtime: string },
): readonly [what: string, fix: string] | null {
  if (runtime === 'ecs-spot')
    return [
      'ecs-spot with capture',
      'Captured events name their contract in each record, which workers do not read: -c runtime=lambda',
    ];
  if (capture.by === 'debezium' && backbone === 'kinesis')
    return ['capture by debezium on kinesis', 'MSK Connect writes to an MSK cluster: by: dms, or -c backbone=msk'];
  if (capture.by === 'debezium' && capture.plugin === undefined)
    return [
      'capture by debezium without plugin',
      'Name the ZIP with the connector: docs/deploy.md says what is in it.',
    ];
  return null;
}
