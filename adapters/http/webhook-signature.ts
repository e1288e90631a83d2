import { createHmac, timingSafeEqual } from 'node:crypto';

/** How old a signature may be, and how far ahead. */
const toleranceMs = 5 * 60_000;

/** The header of a body that is sent at a time: `t=SECONDS,v1=HEX`, HMAC-SHA256 over `SECONDS.BODY`. */
export function signatureOf(
  secret: string,
  { seconds, body }: { readonly seconds: number; readonly body: Uint8Array },
): string {
  return `t=${seconds},v1=${hmac(secret, seconds, body).toString('hex')}`;
}

/** Was the body signed with one of the secrets, and lately? Takes as long for a wrong signature as for a right one. */
export function isSigned(
  header: string,
  { secrets, body, nowMs }: { readonly secrets: readonly string[]; readonly body: Uint8Array; readonly nowMs: number },
): boolean {
  const [, time = '', given = ''] = /^t=(\d{1,12}),v1=([0-9a-f]{64})$/.exec(header) ?? [];
  const seconds = Number(time);
  if (given === '' || Math.abs(nowMs - seconds * 1000) > toleranceMs) return false;
  const bytes = Buffer.from(given, 'hex');
  return secrets.map((secret) => timingSafeEqual(hmac(secret, seconds, body), bytes)).includes(true);
}

function hmac(secret: string, seconds: number, body: Uint8Array): Buffer {
  return createHmac('sha256', secret).update(`${seconds}.`).update(body).digest();
}
