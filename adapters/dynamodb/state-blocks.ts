import { DeleteItemCommand } from '@aws-sdk/client-dynamodb';
import { WeirError } from '../../core/contract/failure.ts';
import type { KeptState } from '../../core/steps/keyed-port.ts';
import type { Store } from './keyed-store.ts';
import { askPersistently } from './requests.ts';

/** The further items of an account whose state one item cannot hold; none where it can. */
export type StateBlocks = { readonly blocks: readonly Uint8Array[] };

/** Of an item: 400 KB with names and keys. */
const blockBytesMax = 380_000;
const blocksMax = 10;

/** Cuts a state for its items. Throws `KEY_TOO_LARGE` beyond ten of them. */
export function splitState(key: string, bytes: Uint8Array): StateBlocks {
  if (bytes.length <= blockBytesMax) return { blocks: [] };
  const count = Math.ceil(bytes.length / blockBytesMax);
  if (count > blocksMax) throw tooLarge(key, bytes.length);
  return {
    blocks: Array.from({ length: count }, (_, block) =>
      bytes.subarray(block * blockBytesMax, (block + 1) * blockBytesMax),
    ),
  };
}

/** The key of a block: it belongs to the head that this owner wrote at this offset, and to no other. */
export function blockKey(key: string, { appliedOffset, epoch }: BlockedHead, block: number): string {
  return `${key}#${appliedOffset}#${epoch}#${block}`;
}

type BlockedHead = Pick<KeptState, 'appliedOffset' | 'epoch'>;

/** Deletes the blocks of a head that was replaced. What a crash leaves of them is read by nobody. */
export async function deleteBlocks(store: Store, key: string, before: KeptState): Promise<void> {
  for (let block = 0; block < before.blocks; block++) {
    const Key = { key: { S: blockKey(key, before, block) } };
    const command = new DeleteItemCommand({ TableName: store.tables.keyedState, Key });
    await askPersistently(async () => store.client.send(command), { ...store, what: 'delete block' });
  }
}

function tooLarge(key: string, sizeBytes: number): WeirError {
  return new WeirError({
    code: 'KEY_TOO_LARGE',
    message: `got ${sizeBytes} bytes of state of one account, expected at most ${blockBytesMax * blocksMax}`,
    fix: 'Lower the limit of events a key (keyEventsMax) or shorten its windows, or run the stream by a worker, which keeps its state itself.',
    facts: { sizeBytes, keyCharacters: key.length },
  });
}
