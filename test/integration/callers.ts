import { PutSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { hashOfKey } from '../../adapters/http/api-keys.ts';

/** Lets a caller with a key score and read, by the secret that the deployed API reads. */
export async function putKeys(SecretId: string, key: string): Promise<void> {
  const client = new SecretsManagerClient({});
  const caller = { id: 'shop', sha256: hashOfKey(key), tenants: ['accounts'], scopes: ['score', 'read'] };
  const keys = [{ ...caller, perSecond: 100, burst: 100 }];
  await client.send(
    new PutSecretValueCommand({ SecretId, SecretString: JSON.stringify({ version: 1, keys, webhooks: [] }) }),
  );
  client.destroy();
}
