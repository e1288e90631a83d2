import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, type Stack, Validations } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { AwsSolutionsChecks, PCIDSS321Checks } from 'cdk-nag';
import { z } from 'zod';
import { inputContracts } from '../../core/contract/contracts.ts';
import { type Config, readConfig } from '../../lib/config.ts';
import { makeStacks } from '../../lib/make-stacks.ts';
import { wantedTopics } from '../../runtime/topic-plan.ts';

/** A resource of a template, as far as the tests look into it. */
export type Resource = {
  readonly id: string;
  readonly stack: string;
  readonly Type: string;
  readonly Properties: Readonly<Record<string, unknown>>;
  readonly DeletionPolicy?: string | undefined;
  readonly UpdateReplacePolicy?: string | undefined;
  readonly DependsOn?: readonly string[] | undefined;
};

/** A synthesized application. */
export type Synthesized = { readonly config: Config; readonly resources: readonly Resource[] };

const resourceSchema = z.object({
  Type: z.string(),
  Properties: z.record(z.string(), z.unknown()).default({}),
  DeletionPolicy: z.string().optional(),
  UpdateReplacePolicy: z.string().optional(),
  DependsOn: z.array(z.string()).optional(),
});
const context = z
  .object({ context: z.record(z.string(), z.unknown()) })
  .parse(JSON.parse(readFileSync('cdk.json', 'utf8'))).context;

/** What a worker on Spot needs beside the profile. */
export const spot = {
  runtime: 'ecs-spot',
  imageUri: '000000000000.dkr.ecr.us-east-1.amazonaws.com/weir:0.1.0',
  scoring: { definition: 'scoring/features.ts', model: 'scoring/model.json', rules: 'scoring/rules.json' },
} as const;

const database = {
  database: 'core',
  secretArn: 'arn:aws:secretsmanager:us-east-1:000000000000:secret:core-AbCdEf',
  tables: ['public.merchant', 'public.dispute'],
} as const;

/** A capture by DMS. */
export const byDms = { by: 'dms', ...database } as const;
/** A capture by Debezium, with its plugin. */
export const byDebezium = {
  by: 'debezium',
  ...database,
  plugin: { bucketArn: 'arn:aws:s3:::plugins', key: 'debezium.zip' },
} as const;

/** Functions, with everything that may be had beside them. */
export const functions = { runtime: 'lambda', apiRequestsPerSecond: 1000 } as const;

/** Synthesizes with the settings of cdk.json and the checks of bin/app.ts, the functions are stand-ins. */
export function synthesize(given: Readonly<Record<string, unknown>>): Synthesized {
  const config = readConfig({ functionsFolder: standIns(), ...given });
  const app = new App({
    autoSynth: false,
    outdir: mkdtempSync(join(tmpdir(), 'weir-template-')),
    context,
  });
  makeStacks(app, config, ({ partitions }) => ({
    all: wantedTopics({ prefix: '', partitions: partitions.value, replicas: 3 }),
    inputs: [...inputContracts.keys()],
  }));
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app), new PCIDSS321Checks(app));
  const stacks = app.node.children.filter((child): child is Stack => 'templateFile' in child);
  return { config, resources: stacks.flatMap(resourcesOf) };
}

/** Bundles that hold nothing: a template names them, and no more. */
export function standIns(): string {
  const folder = mkdtempSync(join(tmpdir(), 'weir-bundles-'));
  for (const name of ['score-msk', 'score-kinesis', 'serve-http', 'redrive-dlq', 'capture-dms', 'capture-debezium']) {
    mkdirSync(join(folder, name));
    for (const file of ['index.mjs', 'plan.json', 'rules.json', 'model.json', 'mapping.mjs'])
      writeFileSync(join(folder, name, file), '');
  }
  return folder;
}

function resourcesOf(stack: Stack): Resource[] {
  const template = Template.fromStack(stack).toJSON();
  const found = z.record(z.string(), resourceSchema).parse(template['Resources']);
  return Object.entries(found).map(([id, resource]) => ({ id, stack: stack.stackName, ...resource }));
}

/** The resources of a type in the stack that scores. */
export function ofScoring(synthesized: Synthesized, type: string): Resource[] {
  return ofType(synthesized, type).filter(({ stack }) => stack.endsWith('-scoring'));
}

/** The resources of a type. */
export function ofType({ resources }: Synthesized, type: string): Resource[] {
  return resources.filter(({ Type }) => Type === type);
}

/** The statements of every policy of roles. */
export function statementsOf(
  synthesized: Synthesized,
): { readonly where: string; readonly actions: string[]; readonly resources: string[] }[] {
  const policy = z.object({ Statement: z.array(z.object({ Action: z.unknown(), Resource: z.unknown() })) });
  return ofType(synthesized, 'AWS::IAM::Policy').flatMap(({ id, Properties }) =>
    policy.parse(Properties['PolicyDocument']).Statement.map(({ Action, Resource }) => ({
      where: id,
      actions: listOf(Action).map(String),
      resources: listOf(Resource).map((one) => JSON.stringify(one)),
    })),
  );
}

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [value];
}
