import { z } from 'zod';
import { WeirError } from '../core/contract/failure.ts';
import { violationsOf } from '../core/contract/violations.ts';
import { captureSchema, refusedCapture } from './capture-config.ts';

/** Numbers that follow from the load, each of which may be given instead. */
const sizesSchema = z.strictObject({
  brokers: z.int().min(3).max(90).multipleOf(3).optional(),
  shards: z.int().min(1).max(10_000).optional(),
  partitions: z.int().min(1).max(1000).optional(),
  tasksMin: z.int().min(1).max(1000).optional(),
  tasksMax: z.int().min(1).max(1000).optional(),
  pollersMin: z.int().min(1).max(200).optional(),
  pollersMax: z.int().min(1).max(2000).optional(),
  apiConcurrency: z.int().min(0).max(5000).optional(),
});

const keyArn = /^arn:[\w-]+:kms:[\w-]+:\d{12}:key\/[\w-]+$/;

const configSchema = z.strictObject({
  profile: z.enum(['dev', 'prod']),
  backbone: z.enum(['msk', 'kinesis']),
  runtime: z.enum(['lambda', 'ecs-spot']),
  /** Before each name in the account, so that several may live side by side. */
  name: z.string().regex(/^[a-z][a-z0-9-]{1,20}$/, 'lower-case letters, digits and dashes'),
  eventsPerSecond: z.number().positive().max(10_000_000),
  eventBytes: z.number().positive().max(1_048_576),
  retentionHours: z.number().min(24).max(8760),
  cpuUsPerEvent: z.number().positive(),
  /** Requests a second that come by the score API over HTTP; without it there is none. */
  apiRequestsPerSecond: z.number().positive().max(100_000).optional(),
  /** CloudFormation makes topics from 3.6 on. */
  kafkaVersion: z.string().regex(/^(3\.([6-9]|\d\d)|[4-9]\.\d+)\.(\d+|x)$/, 'such as 3.8.x, from 3.6 on'),
  /** Three zones that MSK is in; without them the first three of the region. */
  availabilityZones: z.array(z.string()).length(3).optional(),
  /** The image that the Dockerfile makes, in ECR. */
  imageUri: z
    .string()
    .regex(
      /^\d{12}\.dkr\.ecr\.[\w-]+\.amazonaws\.com(\.cn)?\/[\w./-]+[:@][\w.:-]+$/,
      'an image of ECR with its tag or digest',
    )
    .optional(),
  /** Files in the image that workers score with: features whose keys lie in one partition, a model of them, rules. */
  scoring: z.strictObject({ definition: z.string(), model: z.string(), rules: z.string() }).optional(),
  /** The database whose changes become events; without it there is no capture. */
  capture: captureSchema.optional(),
  /** The folder of the functions' bundles, as `npm run bundle` makes it. */
  functionsFolder: z.string().min(1),
  /** Keys that an earlier deployment of this name left, for its tables to be read again; without them new ones are made. */
  keptKeys: z
    .strictObject({
      data: z.string().regex(keyArn, 'the ARN of a key'),
      panToken: z.string().regex(keyArn, 'the ARN of a key'),
    })
    .optional(),
  /** Where alarms are sent. */
  alarmEmail: z.email().optional(),
  sizes: sizesSchema,
});

/** Everything that the stacks differ by. */
export type Config = z.infer<typeof configSchema>;

const common = {
  backbone: 'msk',
  runtime: 'lambda',
  kafkaVersion: '3.8.x',
  functionsFolder: 'dist/functions',
  sizes: {},
} as const;

/** What a profile is without further words. */
const profiles = {
  dev: { ...common, name: 'weir-dev', eventsPerSecond: 100, eventBytes: 330, retentionHours: 24, cpuUsPerEvent: 47.1 },
  prod: { ...common, name: 'weir', eventsPerSecond: 5000, eventBytes: 330, retentionHours: 168, cpuUsPerEvent: 47.1 },
} as const;

/** Reads a configuration over its profile. Throws `CONFIG_INVALID` with all that is wrong, and `PAIR_REFUSED`. */
export function readConfig(given: Readonly<Record<string, unknown>>): Config {
  const profile = given['profile'] === 'prod' ? profiles.prod : profiles.dev;
  const merged = { profile: 'dev', ...profile, ...given };
  const parsed = configSchema.safeParse(merged);
  if (!parsed.success) {
    const { first, count } = violationsOf(parsed.error, merged);
    const told = first.map(({ path, got, expected }) => `${path}: got ${got}, expected ${expected}`).join('; ');
    throw new WeirError({
      code: 'CONFIG_INVALID',
      message: `${count} wrong in the configuration: ${told}`,
      fix: 'docs/deploy.md lists the fields.',
    });
  }
  assertPair(parsed.data);
  return parsed.data;
}

/** Refuses what nothing here implements, and says what to choose instead. */
function assertPair({ runtime, imageUri, scoring, apiRequestsPerSecond, capture, backbone }: Config): void {
  if (runtime === 'ecs-spot' && imageUri === undefined)
    throw refused('ecs-spot without imageUri', 'Build the Dockerfile, push it to ECR, and name it: -c imageUri=...');
  if (runtime === 'ecs-spot' && scoring === undefined)
    throw refused(
      'ecs-spot without scoring',
      'Name definition, model and rules in the image: those that come with Weir count by terminals, which lie in many partitions.',
    );
  if (runtime === 'ecs-spot' && apiRequestsPerSecond !== undefined)
    throw refused(
      'ecs-spot with apiRequestsPerSecond',
      'The API decides with the state that functions keep in tables, and workers keep theirs in a folder: -c runtime=lambda, or `weir serve` on a machine with a disk of its own.',
    );
  const refusal = capture === undefined ? null : refusedCapture(capture, { backbone, runtime });
  if (refusal !== null) throw refused(...refusal);
}

function refused(what: string, fix: string): WeirError {
  return new WeirError({ code: 'PAIR_REFUSED', message: `got ${what}`, fix });
}
