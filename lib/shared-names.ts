import { StringParameter } from 'aws-cdk-lib/aws-ssm';
import type { Construct } from 'constructs';

/**
 * What a stack tells the next ones: by a parameter and not by an export, so that a stack may be replaced while others use
 * its values.
 */
export type SharedName =
  | 'network/vpc-id'
  | 'network/subnet-1'
  | 'network/subnet-2'
  | 'network/subnet-3'
  | 'network/routes-1'
  | 'network/routes-2'
  | 'network/routes-3'
  | 'network/clients-group'
  | 'security/data-key'
  | 'security/pan-key'
  | 'backbone/cluster-arn'
  | 'backbone/cluster-uuid'
  | 'backbone/stream-arn'
  | 'state/checkpoint-bucket'
  | 'state/file-system'
  | 'state/access-point';

/** Tells a value. */
export function share(scope: Construct, name: string, { key, value }: { key: SharedName; value: string }): void {
  new StringParameter(scope, `Share${idOf(key)}`, { parameterName: pathOf(name, key), stringValue: value });
}

/** Reads a value when the stack is deployed. */
export function shared(scope: Construct, name: string, key: SharedName): string {
  return StringParameter.valueForStringParameter(scope, pathOf(name, key));
}

function pathOf(name: string, key: SharedName): string {
  return `/${name}/${key}`;
}

function idOf(key: SharedName): string {
  return key.replaceAll(/(^|[/-])(\w)/g, (_, __, letter: string) => letter.toUpperCase());
}
