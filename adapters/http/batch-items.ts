import type { Refusal } from '../../core/decode/refusal.ts';

/** The items of a body `{"NAME": [...]}`; null of any other body. */
export function readItems(bytes: Uint8Array, name: 'events' | 'readings'): readonly unknown[] | null {
  let body: unknown;
  try {
    body = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    return null;
  }
  if (typeof body !== 'object' || body === null || !Object.hasOwn(body, name)) return null;
  const items: unknown = Reflect.get(body, name);
  return Array.isArray(items) ? items : null;
}

/** An item as bytes of its own; null of one that is nested so deep that it cannot be written. */
export function bytesOfItem(item: unknown): Uint8Array | null {
  try {
    return Buffer.from(JSON.stringify(item));
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

/** Why such an item is refused: long before, its contract would have. */
export const tooDeep: Refusal = {
  code: 'tooDeep',
  message: 'got an item that is nested too deep, expected at most 32 levels',
  issues: [],
};
