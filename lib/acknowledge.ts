import { Stack, Validations } from 'aws-cdk-lib';
import type { Construct } from 'constructs';

/** Says why a finding of cdk-nag stands: by rule id, with its finding in brackets where it has several. */
export function acknowledge(scope: Construct, reasons: Readonly<Record<string, string>>): void {
  for (const [id, reason] of Object.entries(reasons)) Validations.of(scope).acknowledge({ id, reason });
}

/** Says why resources end in a star; any other star is still a finding. */
export function acknowledgeStars(
  scope: Construct,
  { resources, reason }: { readonly resources: readonly string[]; readonly reason: string },
): void {
  const ids = resources.map((resource) => `AwsSolutions-IAM5[Resource::${flatten(Stack.of(scope).resolve(resource))}]`);
  acknowledge(scope, Object.fromEntries(ids.map((id) => [id, reason])));
}

/** A resource as cdk-nag names it: references in angle brackets. */
function flatten(resolved: unknown): string {
  if (typeof resolved === 'string') return resolved;
  if (typeof resolved !== 'object' || resolved === null) return JSON.stringify(resolved);
  if ('Ref' in resolved) return `<${String(resolved.Ref)}>`;
  if ('Fn::GetAtt' in resolved && Array.isArray(resolved['Fn::GetAtt'])) return `<${resolved['Fn::GetAtt'].join('.')}>`;
  if ('Fn::Join' in resolved && Array.isArray(resolved['Fn::Join'])) {
    const parts: unknown = resolved['Fn::Join'][1];
    return Array.isArray(parts) ? parts.map(flatten).join('') : '';
  }
  return JSON.stringify(resolved);
}
