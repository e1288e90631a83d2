import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openAws } from '../../engines/aws/endpoint.ts';
import { type Emulator, startMiniStackForStacks } from '../../engines/aws/emulators.ts';
import { byDebezium, byDms, functions, spot, standIns } from '../lib/synthesized.ts';
import { openDeployment } from './deployment.ts';

/** What the emulator has no part of: written down, and that is all. */
const recordedTypes = [
  'AWS::ApplicationAutoScaling::ScalableTarget',
  'AWS::ApplicationAutoScaling::ScalingPolicy',
  'AWS::CodeDeploy::Application',
  'AWS::CodeDeploy::DeploymentGroup',
  'AWS::DMS::Endpoint',
  'AWS::DMS::ReplicationConfig',
  'AWS::DMS::ReplicationSubnetGroup',
  'AWS::EC2::FlowLog',
  'AWS::EC2::SecurityGroupIngress',
  'AWS::ECS::ClusterCapacityProviderAssociations',
  'AWS::KafkaConnect::Connector',
  'AWS::KafkaConnect::CustomPlugin',
  'AWS::KafkaConnect::WorkerConfiguration',
  'AWS::MSK::Channel',
  'AWS::MSK::Topic',
  'AWS::WAFv2::LoggingConfiguration',
  'AWS::WAFv2::WebACLAssociation',
];
const dir = mkdtempSync(join(tmpdir(), 'weir-pairs-'));
let aws: Emulator;

beforeAll(async () => {
  aws = await openAws(async () => startMiniStackForStacks(recordedTypes));
});

afterAll(async () => {
  await aws?.stop();
  rmSync(dir, { recursive: true, force: true });
});

describe.each([
  ['msk', 'functions and Debezium', { ...functions, profile: 'prod', capture: byDebezium }],
  ['msk', 'workers', { ...spot, profile: 'prod' }],
  ['kinesis', 'functions and DMS', { ...functions, profile: 'prod', capture: byDms }],
  ['kinesis', 'workers', { ...spot, profile: 'dev' }],
] as const)('the stacks on %s with %s', (backbone, _, given) => {
  const name = `pair-${backbone}-${given.runtime.slice(0, 3)}`;

  test('come about in their order, each resource with all that it asks of others', async () => {
    const deployment = openDeployment(join(dir, name), { ...given, backbone, name, functionsFolder: standIns() });
    await deployment.bootstrap();
    await deployment.deploy();
    const resources = await deployment.resources();
    const types = new Set(resources.map(({ type }) => type));
    console.log(`${name}: recorded and no more: ${recordedTypes.filter((type) => types.has(type)).join(', ')}`);
    expect(resources.length).toBeGreaterThan(80);
    for (const { logicalId, status } of resources)
      expect({ logicalId, status }).toEqual({ logicalId, status: 'CREATE_COMPLETE' });
  });
});
