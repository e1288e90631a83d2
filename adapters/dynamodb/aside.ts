import { type AttributeValue, PutItemCommand } from '@aws-sdk/client-dynamodb';
import type { AsideItem } from '../../core/steps/keyed-port.ts';
import type { Store } from './keyed-store.ts';
import { askPersistently } from './requests.ts';

/** Of one item, below the 400 KB that it may have. */
const partBytesMax = 360_000;

/** Puts a dead letter or a late event where its record came from; what one item cannot hold goes into several. */
export async function putAside(store: Store, item: AsideItem): Promise<void> {
  for (const Item of asideItems(item)) {
    const command = new PutItemCommand({ TableName: store.tables.aside, Item });
    await askPersistently(async () => store.client.send(command), { ...store, what: 'set aside' });
  }
}

/** The items of what goes aside. */
export function asideItems(item: AsideItem): Record<string, AttributeValue>[] {
  const parts = Math.max(1, Math.ceil(item.bytes.length / partBytesMax));
  return Array.from({ length: parts }, (_, part) => asideItem(item, part, parts));
}

function asideItem(item: AsideItem, part: number, parts: number): Record<string, AttributeValue> {
  const { source, offset, kind, code, detail, contract, key, bytes } = item;
  return {
    source: { S: `${kind}#${source}` },
    place: { S: `${String(offset).padStart(16, '0')}#${code}#${contract}#${part}` },
    offset: { N: String(offset) },
    part: { N: String(part) },
    parts: { N: String(parts) },
    code: { S: code },
    detail: { S: detail },
    contract: { S: contract },
    key: { S: key },
    bytes: { B: bytes.subarray(part * partBytesMax, (part + 1) * partBytesMax) },
  };
}
