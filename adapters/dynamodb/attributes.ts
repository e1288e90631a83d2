import type { AttributeValue } from '@aws-sdk/client-dynamodb';

/** A text of an item; the empty one where there is none. */
export function textOf(value: AttributeValue | undefined): string {
  return value?.S ?? '';
}

/** A number of an item; 0 where there is none. */
export function numberOf(value: AttributeValue | undefined): number {
  return Number(value?.N ?? 0);
}

/** Bytes of an item; none where there are none. */
export function bytesOf(value: AttributeValue | undefined): Uint8Array {
  return value?.B ?? new Uint8Array();
}
