import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { withPath } from '../adapters/files/failure.ts';
import { type Callers, hashOfKey, keysFile, scopes } from '../adapters/http/api-keys.ts';
import { WeirError } from '../core/contract/failure.ts';

/** Who may call: those of a file or, without one, who has the key that was made. */
export type AskedCallers = { readonly callers: Callers; readonly madeKey: string | null };

/** Reads the file of callers, or makes a key that may do everything, as long as the process runs. Throws `KEYS_INVALID`. */
export function callersOf(path: string | undefined): AskedCallers {
  return path === undefined ? makeKey() : { callers: readKeys(path), madeKey: null };
}

function makeKey(): AskedCallers {
  const key = `weir_${randomBytes(24).toString('base64url')}`;
  const caller = {
    id: 'local',
    sha256: hashOfKey(key),
    tenants: ['*'],
    scopes: [...scopes],
    perSecond: 1e6,
    burst: 1e6,
  };
  return { madeKey: key, callers: { version: 1, keys: [caller], webhooks: [] } };
}

function readKeys(path: string): Callers {
  const text = withPath(path, () => readFileSync(path, 'utf8'));
  const invalid = (why: string): WeirError =>
    new WeirError({ code: 'KEYS_INVALID', message: `${path}: ${why}`, fix: 'See docs/api.md for the file of keys.' });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw invalid('got something else, expected JSON');
  }
  const parsed = keysFile.safeParse(value);
  if (parsed.success) return parsed.data;
  throw invalid(z.prettifyError(parsed.error));
}
