import { WeirError } from '../../core/contract/failure.ts';
import type { ClusterOptions, ClusterSecurity } from './port.ts';

/** How clients sign in: not at all, over TLS alone, or with the IAM credentials of the environment as MSK takes them. */
export const signIns = ['none', 'tls', 'msk-iam'] as const;
export type SignIn = (typeof signIns)[number];

const arnForm = /^arn:aws[\w-]*:kafka:([\w-]+):\d{12}:cluster\/[\w-]+\/[\w-]+$/;

/** Is it `HOST:PORT[,HOST:PORT]`, or the ARN of an MSK cluster? */
export function isBrokers(text: string): boolean {
  return arnForm.test(text) || text.split(',').every((host) => /^[^:\s]+:\d+$/.test(host));
}

/**
 * How a cluster is reached. Brokers of an ARN are looked up, and signed in to by IAM; so are hosts whose sign-in is
 * `msk-iam`. Throws `BROKERS_INVALID`, `REGION_UNKNOWN`, and what looking up throws.
 */
export async function openCluster(options: {
  readonly clientId: string;
  readonly brokers: string;
  readonly auth?: SignIn | undefined;
}): Promise<ClusterOptions> {
  const { clientId, brokers, auth } = options;
  if (!isBrokers(brokers)) {
    throw new WeirError({
      code: 'BROKERS_INVALID',
      message: `got brokers ${brokers}, expected HOST:PORT[,HOST:PORT] or the ARN of an MSK cluster`,
      fix: 'Such as 127.0.0.1:9092, or arn:aws:kafka:eu-west-1:123456789012:cluster/NAME/ID.',
    });
  }
  const [, arnRegion] = arnForm.exec(brokers) ?? [];
  if (arnRegion === undefined) {
    const bootstrap = brokers.split(',');
    return { clientId, bootstrap, security: await securityOf(auth ?? 'none', () => regionOf(bootstrap)) };
  }
  const { brokersOfArn } = await import('./msk.ts');
  const bootstrap = await brokersOfArn(brokers, arnRegion);
  return { clientId, bootstrap, security: await securityOf('msk-iam', () => arnRegion) };
}

async function securityOf(auth: SignIn, region: () => string): Promise<ClusterSecurity | undefined> {
  if (auth === 'none') return undefined;
  if (auth === 'tls') return { tls: true };
  const { createIamToken } = await import('./msk.ts');
  return { tls: true, token: createIamToken(region()) };
}

/** The region is in the names of MSK's brokers, else in the environment. */
function regionOf(bootstrap: readonly string[]): string {
  const [, named] = /\.kafka(?:-serverless)?\.([\w-]+)\.amazonaws\./.exec(bootstrap[0] ?? '') ?? [];
  const region = named ?? process.env['AWS_REGION'] ?? process.env['AWS_DEFAULT_REGION'];
  if (region !== undefined) return region;
  throw new WeirError({
    code: 'REGION_UNKNOWN',
    message: `got no region for ${bootstrap.join(',')}, expected one to sign in by IAM`,
    fix: 'Set AWS_REGION.',
  });
}
