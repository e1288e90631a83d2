import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import * as codedeploy from 'aws-cdk-lib/aws-codedeploy';
import type { IVpc, ISecurityGroup } from 'aws-cdk-lib/aws-ec2';
import { Effect, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Alarm, ComparisonOperator, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import { Construct } from 'constructs';
import { WeirError } from '../core/contract/failure.ts';
import { acknowledge } from './acknowledge.ts';
import type { Config } from './config.ts';
import { grantDataKey } from './stacks/security.ts';

export type HandlerProps = {
  readonly config: Config;
  /** The folder of its bundle. */
  readonly source: string;
  /** What the folder holds; of functions that score, the definition as well. */
  readonly files?: readonly string[];
  readonly vpc: IVpc;
  readonly clients: ISecurityGroup;
  readonly dataKey: IKey;
  readonly environment: Readonly<Record<string, string>>;
  readonly memoryMb: number;
  readonly timeout: Duration;
  /** Environments that are kept warm; none without it. */
  readonly provisioned?: number;
  /** How many run beside each other at most; as many as the account has without it. */
  readonly concurrencyMax?: number;
};

/**
 * A function from its bundle, in the network, with rights of its own, behind an
 * alias that a new version takes over step by step, and back when it fails. Throws `HANDLER_MISSING`.
 */
export class Handler extends Construct {
  readonly function: lambda.Function;
  readonly alias: lambda.Alias;

  constructor(scope: Construct, id: string, props: HandlerProps) {
    super(scope, id);
    const { config, source, vpc, clients, dataKey, provisioned = 0, files = scoringFiles } = props;
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
    this.function = new lambda.Function(this, 'Function', {
      functionName,
      code: bundleOf(config, source, files),
      handler: 'index.handler',
      runtime: lambda.Runtime.NODEJS_24_X,
      architecture: lambda.Architecture.ARM_64,
      role,
      vpc,
      vpcSubnets: { subnets: vpc.isolatedSubnets },
      securityGroups: [clients],
      memorySize: props.memoryMb,
      timeout: props.timeout,
      ...(props.concurrencyMax === undefined ? {} : { reservedConcurrentExecutions: props.concurrencyMax }),
      environment: { ...props.environment },
      environmentEncryption: dataKey,
      logGroup,
      loggingFormat: lambda.LoggingFormat.JSON,
    });
    this.alias = new lambda.Alias(this, 'Live', {
      aliasName: 'live',
      version: this.function.currentVersion as lambda.IVersion,
      ...(provisioned > 0 ? { provisionedConcurrentExecutions: provisioned } : {}),
    });
    takeOverStepByStep(this, this.alias, config);
    acknowledge(role, {
      'AwsSolutions-IAM5[Resource::*]': 'Network interfaces of functions have no ARN before they are made.',
    });
  }
}

const scoringFiles = ['index.mjs', 'plan.json', 'rules.json', 'model.json'];

/** A bundle is a folder: the function with its SDK, whose version is pinned so, and the definition that it scores with. */
function bundleOf({ functionsFolder }: Config, source: string, files: readonly string[]): lambda.Code {
  const dir = join(functionsFolder, source);
  const missing = files.filter((name) => !existsSync(join(dir, name)));
  if (missing.length === 0) return lambda.Code.fromAsset(dir);
  throw new WeirError({
    code: 'HANDLER_MISSING',
    message: `got no ${missing.join(', ')} in ${dir}, which the stacks deploy`,
    fix: 'npm run bundle -- --definition FILE --rules FILE --model FILE: features by the account and its card alone; --mapping FILE where changes are captured.',
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
