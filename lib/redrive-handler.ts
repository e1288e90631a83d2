import { Duration, Stack } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { Construct } from 'constructs';
import { eventsStreamArn, grantStreamWrite } from './capture-handler.ts';
import { grantProduce } from './cluster-access.ts';
import type { Config } from './config.ts';
import { Handler } from './handler.ts';
import { clusterOf } from './stacks/backbone.ts';
import type { Network } from './stacks/network.ts';
import { grantTables, stateTables, tableVariables } from './state-tables.ts';

type Redriving = {
  readonly config: Config;
  readonly dataKey: IKey;
  readonly network: Network;
  /** The topics of MSK that letters come from. */
  readonly inputs: readonly string[];
};

/**
 * The function that puts dead letters back. Nothing calls it: a person does, once what they failed by is mended. One at a
 * time, since two would put the same letters back.
 */
export function redriveHandler(scope: Construct, { config, dataKey, network, inputs }: Redriving): void {
  const stack = Stack.of(scope);
  const access = config.backbone === 'msk' ? clusterOf(scope, config) : null;
  const target = access === null ? `kinesis://${config.name}` : `kafka://${access.clusterArn}/${inputs.join(',')}`;
  const { function: redrive } = new Handler(scope, 'Redrive', {
    config,
    source: 'redrive-dlq',
    files: ['index.mjs'],
    vpc: network.vpc,
    clients: network.clients,
    dataKey,
    environment: { ...tableVariables(config), WEIR_REDRIVE_TARGET: target },
    memoryMb: 512,
    timeout: Duration.minutes(15),
    concurrencyMax: 1,
  });
  grantTables(stack, { config, grantee: redrive, tables: [stateTables.Aside], actions: ['Query', 'UpdateItem'] });
  if (access === null) {
    grantStreamWrite(redrive, eventsStreamArn(stack, config));
    return;
  }
  grantProduce(access, redrive, inputs);
  redrive.addToRolePolicy(
    new PolicyStatement({ actions: ['kafka:GetBootstrapBrokers'], resources: [access.clusterArn] }),
  );
}
