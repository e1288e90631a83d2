import { GetBootstrapBrokersCommand, KafkaClient } from '@aws-sdk/client-kafka';
import { generateAuthToken } from 'aws-msk-iam-sasl-signer-js';
import { WeirError } from '../../core/contract/failure.ts';

/** A token lives for 15 minutes: connections that sign in within this time share one. */
const sharedMs = 60_000;

/** The brokers of an MSK cluster that take IAM, in its network or, where it has none there, in public. */
export async function brokersOfArn(arn: string, region: string): Promise<readonly string[]> {
  const client = new KafkaClient({ region, maxAttempts: 4 });
  const found = await client.send(new GetBootstrapBrokersCommand({ ClusterArn: arn })).catch((error: unknown) => {
    throw new WeirError({
      code: 'MSK_LOOKUP_FAILED',
      message: `got no brokers of ${arn}: ${error instanceof Error ? `${error.name}: ${error.message}` : String(error)}`,
      fix: 'Check the ARN, the credentials, and that kafka:GetBootstrapBrokers is allowed.',
      facts: { arn },
      cause: error,
    });
  });
  const listed = [
    found.BootstrapBrokerStringSaslIam,
    found.BootstrapBrokerStringVpcConnectivitySaslIam,
    found.BootstrapBrokerStringPublicSaslIam,
  ].find((brokers) => brokers !== undefined && brokers !== '');
  if (listed !== undefined) return listed.split(',');
  throw new WeirError({
    code: 'MSK_WITHOUT_IAM',
    message: `got no brokers of ${arn} that take IAM, expected some`,
    fix: "Turn on IAM in the cluster's client authentication, or name its brokers and --auth tls.",
    facts: { arn },
  });
}

/** Makes tokens of the credentials of the environment: a signed URL for `kafka-cluster:Connect`, made anew every minute. */
export function createIamToken(region: string): () => Promise<string> {
  let shared: { readonly token: Promise<string>; readonly madeMs: number } | null = null;
  return () => {
    if (shared === null || performance.now() - shared.madeMs > sharedMs) {
      const token = generateAuthToken({ region }).then((made) => made.token);
      // One that could not be made is not kept.
      token.catch(() => (shared = null));
      shared = { token, madeMs: performance.now() };
    }
    return shared.token;
  };
}
