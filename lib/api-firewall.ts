import { ArnFormat, RemovalPolicy, Stack } from 'aws-cdk-lib';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { CfnLoggingConfiguration, CfnWebACL, CfnWebACLAssociation } from 'aws-cdk-lib/aws-wafv2';
import type { Construct } from 'constructs';
import type { Config } from './config.ts';

export type Firewall = {
  readonly config: Config;
  readonly dataKey: IKey;
  readonly stageArn: string;
  readonly perSecond: number;
};

/** The window that requests of an address are counted in, seconds. */
const rateWindowSeconds = 60;
/** An address may send this many times the whole rate that is expected: most callers are a few gateways of payments. */
const rateFactor = 3;
const rateMin = 10;
const rateMax = 2_000_000_000;

/** Rules of AWS before the gateway, and a limit an address. Bodies over 8 KB are let through: batches are. */
export function apiFirewall(scope: Construct, { config, dataKey, stageArn, perSecond }: Firewall): void {
  const limit = Math.min(rateMax, Math.max(rateMin, Math.ceil(perSecond * rateFactor * rateWindowSeconds)));
  const acl = new CfnWebACL(scope, 'Firewall', {
    name: `${config.name}-api`,
    scope: 'REGIONAL',
    defaultAction: { allow: {} },
    visibilityConfig: seen(config, 'all'),
    rules: [
      managed(config, { priority: 0, name: 'AWSManagedRulesAmazonIpReputationList', counted: [] }),
      managed(config, { priority: 1, name: 'AWSManagedRulesKnownBadInputsRuleSet', counted: [] }),
      managed(config, { priority: 2, name: 'AWSManagedRulesCommonRuleSet', counted: ['SizeRestrictions_BODY'] }),
      {
        name: 'address',
        priority: 3,
        action: { block: {} },
        statement: {
          rateBasedStatement: { aggregateKeyType: 'IP', limit, evaluationWindowSec: rateWindowSeconds },
        },
        visibilityConfig: seen(config, 'address'),
      },
    ],
  });
  new CfnWebACLAssociation(scope, 'FirewallOfGateway', { resourceArn: stageArn, webAclArn: acl.attrArn });
  // Names of groups that a firewall writes to begin so.
  const logGroupName = `aws-waf-logs-${config.name}-api`;
  const logs = new LogGroup(scope, 'FirewallLogs', {
    logGroupName,
    encryptionKey: dataKey,
    retention: RetentionDays.ONE_YEAR,
    removalPolicy: RemovalPolicy.DESTROY,
  });
  const logGroupArn = Stack.of(scope).formatArn({
    service: 'logs',
    resource: 'log-group',
    resourceName: logGroupName,
    arnFormat: ArnFormat.COLON_RESOURCE_NAME,
  });
  const logging = new CfnLoggingConfiguration(scope, 'FirewallLogging', {
    resourceArn: acl.attrArn,
    logDestinationConfigs: [logGroupArn],
    redactedFields: ['authorization', 'weir-signature'].map((name) => ({ singleHeader: { Name: name } })),
  });
  logging.node.addDependency(logs);
}

/** Rules that AWS keeps; some only count. */
function managed(
  config: Config,
  {
    priority,
    name,
    counted,
  }: { readonly priority: number; readonly name: string; readonly counted: readonly string[] },
): CfnWebACL.RuleProperty {
  return {
    name,
    priority,
    overrideAction: { none: {} },
    statement: {
      managedRuleGroupStatement: {
        vendorName: 'AWS',
        name,
        ruleActionOverrides: counted.map((rule) => ({ name: rule, actionToUse: { count: {} } })),
      },
    },
    visibilityConfig: seen(config, name),
  };
}

function seen({ name }: Config, of: string): CfnWebACL.VisibilityConfigProperty {
  return { cloudWatchMetricsEnabled: true, metricName: `${name}-${of}`, sampledRequestsEnabled: false };
}
