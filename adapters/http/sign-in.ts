import { type ApiKey, type Callers, hashOfKey, type Scope } from './api-keys.ts';
import { forbidden, type Problem, problems } from './problems.ts';
import { createRateLimit } from './rate-limit.ts';

/** Who calls by the header `authorization`, if the key is known, has the scope and is within its rate. */
export type SignIn = (authorization: string | undefined, scope: Scope) => ApiKey | Problem;

/** Makes the check of a file of callers. */
export function createSignIn({ keys }: Callers): SignIn {
  const byHash = new Map(keys.map((key) => [key.sha256, key]));
  const rates = createRateLimit();
  return (authorization, scope) => {
    const [, token = ''] = /^Bearer (\S+)$/i.exec(authorization ?? '') ?? [];
    const key = byHash.get(hashOfKey(token));
    if (key === undefined) return problems.notSignedIn;
    if (!key.scopes.includes(scope)) return forbidden(`the scope ${scope}`);
    const waitSeconds = rates.take(key);
    if (waitSeconds === 0) return key;
    return {
      status: 429,
      code: 'tooManyRequests',
      title: 'too many requests',
      detail: `got more than ${key.perSecond} requests a second of this key`,
      retryAfter: waitSeconds,
    };
  };
}
