import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { CloudFormationClient, paginateListStackResources } from '@aws-sdk/client-cloudformation';
import { z } from 'zod';

const run = promisify(execFile);

/** A resource as the account has it, and as its template asks for it. */
export type Deployed = {
  readonly stack: string;
  readonly logicalId: string;
  readonly type: string;
  readonly physicalId: string;
  readonly status: string;
  readonly properties: unknown;
};

/** What holds data: none of it may be replaced by a deployment, and all of it stays when its stack goes. */
const dataTypes =
  /^AWS::(DynamoDB::Table|Kinesis::Stream|S3::Bucket|KMS::Key|MSK::Cluster|MSK::Topic|EFS::FileSystem)$/;

/** The stacks as `cdk` deploys them to the account that the environment names, with files of their own in a folder. */
export function openDeployment(dir: string, fixed: Readonly<Record<string, unknown>>) {
  mkdirSync(dir, { recursive: true });
  const out = join(dir, 'cdk.out');
  const configFile = join(dir, 'deploy.json');
  const cdk = async (...args: readonly string[]): Promise<void> => {
    const bin = resolve('node_modules/.bin');
    await run(join(bin, 'cdk'), [...args, '--no-notices', '-c', `config=${configFile}`, '--output', out], {
      env: {
        ...process.env,
        AWS_ENDPOINT_URL_S3: process.env['AWS_ENDPOINT_URL'],
        AWS_EC2_METADATA_DISABLED: 'true',
        // What it remembers of accounts, so that it asks this one.
        CDK_HOME: dir,
        PATH: [bin, process.env['PATH'] ?? ''].join(delimiter),
      },
      maxBuffer: 2 ** 26,
    });
  };
  const configure = (changed: Readonly<Record<string, unknown>>): void =>
    writeFileSync(configFile, JSON.stringify({ ...fixed, ...changed }));
  return {
    bootstrap: async (): Promise<void> => {
      configure({});
      await cdk('bootstrap', 'aws://000000000000/us-east-1');
    },
    deploy: async (changed: Readonly<Record<string, unknown>> = {}): Promise<void> => {
      configure(changed);
      await cdk('deploy', '--all', '--require-approval', 'never');
    },
    /** Deploys anew over what an earlier deployment left. */
    comeBack: async (changed: Readonly<Record<string, unknown>>): Promise<void> => {
      configure(changed);
      await cdk('deploy', '--all', '--require-approval', 'never', '--import-existing-resources');
    },
    destroy: async (): Promise<void> => cdk('destroy', '--all', '--force'),
    /** All resources of the stacks, those that are only recorded too. */
    resources: async (): Promise<Deployed[]> => readResources(out),
  };
}

/** Those of the resources that hold data. */
export function holdingData(resources: readonly Deployed[]): Deployed[] {
  return resources.filter(({ type }) => dataTypes.test(type));
}

const templateSchema = z.object({
  Resources: z.record(z.string(), z.object({ Type: z.string(), Properties: z.unknown() })),
});

async function readResources(out: string): Promise<Deployed[]> {
  const client = new CloudFormationClient({});
  const found: Deployed[] = [];
  const suffix = '.template.json';
  for (const file of readdirSync(out).filter((name) => name.endsWith(suffix))) {
    const stack = file.slice(0, -suffix.length);
    const { Resources } = templateSchema.parse(JSON.parse(readFileSync(join(out, file), 'utf8')));
    for await (const { StackResourceSummaries = [] } of paginateListStackResources({ client }, { StackName: stack })) {
      for (const {
        LogicalResourceId: logicalId = '',
        PhysicalResourceId: physicalId = '',
        ResourceStatus: status = '',
      } of StackResourceSummaries) {
        const { Type: type = '', Properties: properties } = Resources[logicalId] ?? {};
        found.push({ stack, logicalId, type, physicalId, status, properties });
      }
    }
  }
  client.destroy();
  return found;
}
