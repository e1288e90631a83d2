import { Arn, ArnFormat, RemovalPolicy, Stack, type StackProps } from 'aws-cdk-lib';
import { type IGrantable, PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import type { Construct } from 'constructs';
import type { Config } from '../config.ts';
import { share, shared } from '../shared-names.ts';

/** The keys: one for everything that lies still, one that card tokens are derived with. Both outlive the stack. */
export class SecurityStack extends Stack {
  constructor(scope: Construct, id: string, { config, ...props }: StackProps & { readonly config: Config }) {
    super(scope, id, props);
    const { data, panToken } = config.keptKeys ?? this.#makeKeys(config);
    share(this, config.name, { key: 'security/data-key', value: data });
    share(this, config.name, { key: 'security/pan-key', value: panToken });
  }

  #makeKeys(config: Config): { readonly data: string; readonly panToken: string } {
    const dataKey = new kms.Key(this, 'DataKey', {
      alias: `${config.name}/data`,
      description: 'Tables, files, logs and topics',
      enableKeyRotation: true,
      removalPolicy: RemovalPolicy.RETAIN,
    });
    dataKey.addToResourcePolicy(logsStatement(this, config));
    dataKey.addToResourcePolicy(
      new PolicyStatement({
        principals: [new ServicePrincipal('cloudwatch.amazonaws.com')],
        actions: ['kms:Decrypt', 'kms:GenerateDataKey*'],
        resources: ['*'],
        conditions: { StringEquals: { 'aws:SourceAccount': this.account } },
      }),
    );
    const panKey = new kms.Key(this, 'PanTokenKey', {
      alias: `${config.name}/pan-token`,
      description: 'A process derives from it, once, the key that card numbers are tokenized with',
      keySpec: kms.KeySpec.HMAC_256,
      keyUsage: kms.KeyUsage.GENERATE_VERIFY_MAC,
      removalPolicy: RemovalPolicy.RETAIN,
    });
    return { data: dataKey.keyArn, panToken: panKey.keyArn };
  }
}

/** The key of everything that lies still. */
export function dataKeyOf(scope: Construct, config: Config): kms.IKey {
  return kms.Key.fromKeyArn(scope, 'DataKey', shared(scope, config.name, 'security/data-key'));
}

/** May read and write what the key encrypts. */
export function grantDataKey(dataKey: kms.IKey, grantee: IGrantable): void {
  grantee.grantPrincipal.addToPrincipalPolicy(
    new PolicyStatement({ actions: ['kms:Decrypt', 'kms:GenerateDataKey'], resources: [dataKey.keyArn] }),
  );
}

/** CloudWatch Logs may use the key for the groups of this name alone. */
function logsStatement(stack: Stack, { name }: Config): PolicyStatement {
  const groups = ['/', '/aws/lambda/', 'aws-waf-logs-'].map((prefix) =>
    Arn.format(
      {
        service: 'logs',
        resource: 'log-group',
        resourceName: `${prefix}${name}*`,
        arnFormat: ArnFormat.COLON_RESOURCE_NAME,
      },
      stack,
    ),
  );
  return new PolicyStatement({
    principals: [new ServicePrincipal(`logs.${stack.region}.amazonaws.com`)],
    actions: ['kms:Encrypt*', 'kms:Decrypt*', 'kms:ReEncrypt*', 'kms:GenerateDataKey*', 'kms:Describe*'],
    resources: ['*'],
    conditions: { ArnLike: { 'kms:EncryptionContext:aws:logs:arn': groups } },
  });
}
