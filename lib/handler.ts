import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import * as codedeploy from 'aws-cdk-lib/aws-codedeploy';
import type { IVpc, ISecurityGroup } from 'aws-cdk-lib/aws-ec2';
import { Effect, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { type BundlingOptions, NodejsFunction, OutputFormat } from 'aws-cdk-lib/aws-lambda-nodejs';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Alarm, ComparisonOperator, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import { Construct } from 'constructs';
import { WeirError } from '../core/contract/failure.ts';
import { acknowledge } from './acknowledge.ts';
import type { Config } from './config.ts';
import { grantDataKey } from './stacks/security.ts';

export type HandlerProps = {
  readonly config: Config;
  /** The file in the functions' folder, without `.ts`. */
  readonly source: string;
  readonly vpc: IVpc;
  readonly clients: ISecurityGroup;
  readonly dataKey: IKey;
  readonly environment: Readonly<Record<string, string>>;
  readonly memoryMb: number;
  readonly timeout: Duration;
};

/**
 * A function from a file of the functions' folder: bundled with its SDK, in the network, with rights of its own, behind an
 * alias that a new version takes over step by step, and back when it fails. Throws `HANDLER_MISSING`.
 */
export class Handler extends Construct {
  readonly function: lambda.Function;
  readonly alias: lambda.Alias;

  constructor(scope: Construct, id: string, props: HandlerProps) {
    super(scope, id);
    const { config, source, vpc, clients, dataKey } = props;
    const functionName = `${config.name}-${source}`;
    const logGroup = new LogGroup(this, 'Logs', {
      logGroupName: `/aws/lambda/${functionName}`,
      encryptionKey: dataKey,
      retention: RetentionDays.ONE_YEAR,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    logGroup.grantWrite(role);
    grantDataKey(dataKey, role);
    allowInterfaces(role);
    this.function = new NodejsFunction(this, 'Function', {
      functionName,
      entry: entryOf(config, source),
      depsLockFilePath: 'package-lock.json',
      runtime: lambda.Runtime.NODEJS_24_X,
      architecture: lambda.Architecture.ARM_64,
      role,
      vpc,
      vpcSubnets: { subnets: vpc.isolatedSubnets },
      securityGroups: [clients],
      memorySize: props.memoryMb,
      timeout: props.timeout,
      environment: { ...props.environment },
      environmentEncryption: dataKey,
      logGroup,
      loggingFormat: lambda.LoggingFormat.JSON,
      bundling: bundlingOf(config),
    });
    this.alias = new lambda.Alias(this, 'Live', {
      aliasName: 'live',
      version: this.function.currentVersion as lambda.IVersion,
    });
    takeOverStepByStep(this, this.alias, config);
    acknowledge(role, {
      'AwsSolutions-IAM5[Resource::*]': 'Network interfaces of functions have no ARN before they are made.',
    });
  }
}

/** With SDK inside, so that its version is pinned; ES modules, which the sources are. */
function bundlingOf({ functionDefinition }: Config): BundlingOptions {
  const copies = ['plan', 'rules', 'model'].map((part) => `cp ${functionDefinition ?? ''}/${part}.json`);
  return {
    format: OutputFormat.ESM,
    target: 'node24',
    minify: true,
    sourceMap: true,
    bundleAwsSDK: true,
    forceDockerBundling: false,
    banner: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    ...(functionDefinition === undefined
      ? {}
      : {
          commandHooks: {
            beforeInstall: () => [],
            beforeBundling: () => [],
            afterBundling: (_: string, output: string) => copies.map((copy) => `${copy} ${output}/`),
          },
        }),
  };
}

function entryOf({ functionsFolder }: Config, source: string): string {
  const entry = join(functionsFolder, `${source}.ts`);
  if (existsSync(entry)) return entry;
  throw new WeirError({
    code: 'HANDLER_MISSING',
    message: `got no ${entry}, which the stacks deploy`,
    fix: 'Choose another runtime, or name the folder: -c functionsFolder=...',
  });
}

/** What Lambda needs to put a function into a network; it takes these rights from the function's role. */
function allowInterfaces(role: Role): void {
  role.addToPolicy(
    new PolicyStatement({
      effect: Effect.ALLOW,
      actions: [
        'ec2:CreateNetworkInterface',
        'ec2:DeleteNetworkInterface',
        'ec2:DescribeNetworkInterfaces',
        'ec2:DescribeSecurityGroups',
        'ec2:DescribeSubnets',
        'ec2:DescribeVpcs',
        'ec2:AssignPrivateIpAddresses',
        'ec2:UnassignPrivateIpAddresses',
      ],
      resources: ['*'],
    }),
  );
}

/** A tenth of the calls for five minutes, then all; errors bring the old version back. */
function takeOverStepByStep(scope: Construct, alias: lambda.Alias, { profile }: Config): void {
  const errors = new Alarm(scope, 'NewVersionErrors', {
    alarmDescription: 'The new version fails: the old one comes back. docs/runbook/scoring-errors.md',
    metric: alias.metricErrors({ period: Duration.minutes(1), statistic: 'Sum' }),
    threshold: 1,
    evaluationPeriods: 1,
    comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
    treatMissingData: TreatMissingData.NOT_BREACHING,
  });
  const { CANARY_10PERCENT_5MINUTES: canary, ALL_AT_ONCE: allAtOnce } = codedeploy.LambdaDeploymentConfig;
  const group = new codedeploy.LambdaDeploymentGroup(scope, 'Deployment', {
    alias,
    deploymentConfig: profile === 'prod' ? canary : allAtOnce,
    alarms: [errors],
    autoRollback: { failedDeployment: true, deploymentInAlarm: true, stoppedDeployment: true },
  });
  acknowledge(group, {
    'AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AWSCodeDeployRoleForLambdaLimited]':
      'What CodeDeploy needs to move an alias, kept by AWS.',
  });
  acknowledge(errors, {
    'PCI.DSS.321-CloudWatchAlarmAction': 'CodeDeploy watches it; the alarm of the function itself tells people.',
  });
}
