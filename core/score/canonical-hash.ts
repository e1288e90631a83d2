import { hash } from 'node:crypto';
import { canonicalJson } from '../decode/canonical.ts';

/** The SHA-256, in hexadecimal, of a JSON value's one text: white space and the order of keys do not change it. */
export function canonicalHash(value: unknown): string {
  return hash('sha256', canonicalJson(value), 'hex');
}
