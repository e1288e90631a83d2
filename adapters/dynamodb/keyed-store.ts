import {
  type AttributeValue,
  BatchGetItemCommand,
  ConditionalCheckFailedException,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  type PutItemCommandInput,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { WeirError } from '../../core/contract/failure.ts';
import type { Claim, KeptRecord, KeptState, KeyedPort } from '../../core/steps/keyed-port.ts';
import { bytesOf, numberOf, textOf } from './attributes.ts';
import { askPersistently, backOff, type RequestCounts, type RequestLimits, requestLimits } from './requests.ts';
import { blockKey, deleteBlocks, type StateBlocks, splitState } from './state-blocks.ts';
import { putAside } from './aside.ts';
import { claimItem, progressAttributes } from './partition-item.ts';
import type { TableNames } from './tables.ts';

type Item = Record<string, AttributeValue>;

export type KeyedStoreOptions = {
  readonly client: DynamoDBClient;
  readonly tables: TableNames;
  readonly limits?: RequestLimits;
  /** Where passing failures are counted. */
  readonly counts?: RequestCounts;
};

/** Keeps the keyed run's state, ledger and progress in DynamoDB. */
export function createKeyedStore(options: KeyedStoreOptions): KeyedPort {
  const store = { limits: requestLimits, counts: new Map(), ...options };
  return {
    claim: (source) => claim(store, source),
    loadStates: (keys) => loadStates(store, keys),
    findEvents: (idHashes) => findEvents(store, idHashes),
    keepEvent: (idHash, event) => keepEvent(store, idHash, event),
    saveState: (save) => saveState(store, save),
    keepReferences: async (mark, json) => void (await keepEvent(store, mark, referencesRecord(json))),
    findReferences: async (mark) => {
      const bytes = (await findEvents(store, [mark])).get(mark)?.bytes;
      return bytes === undefined ? null : Buffer.from(bytes).toString();
    },
    setAside: (item) => putAside(store, item),
    commit: (claimed, progress) => commit(store, claimed, progress),
  };
}

export type Store = Required<KeyedStoreOptions>;

const batchGetMax = 100;

async function claim(store: Store, source: string): Promise<Claim> {
  const command = new UpdateItemCommand({
    TableName: store.tables.keyedState,
    Key: { key: { S: partitionKey(source) } },
    UpdateExpression: 'SET epoch = if_not_exists(epoch, :zero) + :one',
    ExpressionAttributeValues: { ':zero': { N: '0' }, ':one': { N: '1' } },
    ReturnValues: 'ALL_NEW',
  });
  const { Attributes } = await askPersistently(async () => store.client.send(command), { ...store, what: 'claim' });
  return claimItem(source, Attributes ?? {});
}

async function commit(store: Store, { source, epoch }: Claim, progress: Claim['progress']): Promise<void> {
  const command = new UpdateItemCommand({
    TableName: store.tables.keyedState,
    Key: { key: { S: partitionKey(source) } },
    UpdateExpression: 'SET progress = :progress',
    ConditionExpression: 'epoch = :epoch',
    ExpressionAttributeValues: { ':epoch': { N: String(epoch) }, ':progress': progressAttributes(progress) },
  });
  try {
    await askPersistently(async () => store.client.send(command), { ...store, what: 'commit' });
  } catch (error) {
    throw error instanceof ConditionalCheckFailedException ? fenced(source, epoch, error) : error;
  }
}

async function loadStates(store: Store, keys: readonly string[]): Promise<ReadonlyMap<string, KeptState>> {
  const wanted = keys.map((key) => ({ key: { S: key } }));
  const heads = await getAll(store, { table: store.tables.keyedState, keys: wanted });
  const blockKeys = heads.flatMap((head) => blockKeysOf(head).map((key) => ({ key: { S: key } })));
  const blocks = await getAll(store, { table: store.tables.keyedState, keys: blockKeys });
  const byKey = new Map(blocks.map((item) => [textOf(item['key']), bytesOf(item['state'])]));
  return new Map(heads.map((head) => [textOf(head['key']), stateOf(head, byKey)]));
}

function stateOf(head: Item, byKey: ReadonlyMap<string, Uint8Array>): KeptState {
  const key = textOf(head['key']);
  const blocks = numberOf(head['blocks']);
  const parts = blockKeysOf(head).map((name) => {
    const part = byKey.get(name);
    if (part === undefined) throw torn(key, blocks);
    return part;
  });
  const bytes = blocks === 0 ? bytesOf(head['state']) : Buffer.concat(parts);
  return { bytes, source: textOf(head['source']), ...writtenAs(head), blocks };
}

function blockKeysOf(head: Item): string[] {
  return Array.from({ length: numberOf(head['blocks']) }, (_, block) =>
    blockKey(textOf(head['key']), writtenAs(head), block),
  );
}

function writtenAs(head: Item): Pick<KeptState, 'appliedOffset' | 'epoch'> {
  return { appliedOffset: numberOf(head['applied']), epoch: numberOf(head['epoch']) };
}

async function findEvents(store: Store, idHashes: readonly string[]): Promise<ReadonlyMap<string, KeptRecord>> {
  const keys = [...new Set(idHashes)].map((id) => ({ id: { B: Buffer.from(id, 'hex') } }));
  const items = await getAll(store, { table: store.tables.ledger, keys });
  return new Map(items.map((item) => [Buffer.from(bytesOf(item['id'])).toString('hex'), recordOf(item)]));
}

async function keepEvent(store: Store, idHash: string, event: KeptRecord): Promise<KeptRecord> {
  const id = { B: Buffer.from(idHash, 'hex') };
  const Item = { id, source: { S: event.source }, offset: { N: String(event.offset) }, event: { B: event.bytes } };
  const found = await putUnless(store, {
    TableName: store.tables.ledger,
    Item,
    ConditionExpression: 'attribute_not_exists(id)',
  });
  return found === null ? event : recordOf(found);
}

async function saveState(store: Store, save: Parameters<KeyedPort['saveState']>[0]): Promise<void> {
  const { claim: claimed, key, bytes, appliedOffset, before } = save;
  const split = splitState(key, bytes);
  await putBlocks(store, { key, written: { appliedOffset, epoch: claimed.epoch }, split });
  const epoch = { N: String(claimed.epoch) };
  const applied = { N: String(appliedOffset) };
  const head: Item = { key: { S: key }, source: { S: claimed.source }, applied, epoch };
  if (split.blocks.length === 0) head['state'] = { B: bytes };
  else head['blocks'] = { N: String(split.blocks.length) };
  const found = await putUnless(store, {
    TableName: store.tables.keyedState,
    Item: head,
    ...(before === null
      ? { ConditionExpression: 'attribute_not_exists(#key)', ExpressionAttributeNames: { '#key': 'key' } }
      : {
          ConditionExpression: 'applied = :before AND epoch <= :epoch',
          ExpressionAttributeValues: { ':before': { N: String(before.appliedOffset) }, ':epoch': epoch },
        }),
  });
  const isOurs =
    found === null || (numberOf(found['applied']) === appliedOffset && numberOf(found['epoch']) === claimed.epoch);
  if (!isOurs) throw fenced(claimed.source, claimed.epoch);
  if (before !== null) await deleteBlocks(store, key, before);
}

/** Writes the further items of a state, before the head that names them. */
export async function putBlocks(
  store: Store,
  blocked: {
    readonly key: string;
    readonly written: Pick<KeptState, 'appliedOffset' | 'epoch'>;
    readonly split: StateBlocks;
  },
): Promise<void> {
  const { key, written, split } = blocked;
  for (const [block, state] of split.blocks.entries()) {
    const Item = { key: { S: blockKey(key, written, block) }, state: { B: state } };
    const command = new PutItemCommand({ TableName: store.tables.keyedState, Item });
    await askPersistently(async () => store.client.send(command), { ...store, what: 'block' });
  }
}

/** Puts an item where its condition holds; null, or the item that is there. A lost answer finds its own item. */
async function putUnless(store: Store, input: PutItemCommandInput): Promise<Item | null> {
  const command = new PutItemCommand({ ...input, ReturnValuesOnConditionCheckFailure: 'ALL_OLD' });
  try {
    await askPersistently(async () => store.client.send(command), { ...store, what: 'put' });
    return null;
  } catch (error) {
    if (!(error instanceof ConditionalCheckFailedException)) throw error;
    return error.Item ?? (await readBack(store, input));
  }
}

/** For a server that does not say what stood in the way. */
async function readBack(store: Store, { TableName, Item }: PutItemCommandInput): Promise<Item> {
  const name = Item?.['id'] === undefined ? 'key' : 'id';
  const command = new GetItemCommand({ TableName, Key: { [name]: Item![name]! }, ConsistentRead: true });
  const read = await askPersistently(async () => store.client.send(command), { ...store, what: 'read back' });
  return read.Item ?? {};
}

async function getAll(
  store: Store,
  { table, keys }: { readonly table: string; readonly keys: readonly Item[] },
): Promise<Item[]> {
  const chunks = Array.from({ length: Math.ceil(keys.length / batchGetMax) }, (_, index) =>
    keys.slice(index * batchGetMax, (index + 1) * batchGetMax),
  );
  return (await Promise.all(chunks.map(async (chunk) => getChunk(store, table, chunk)))).flat();
}

async function getChunk(store: Store, table: string, keys: readonly Item[]): Promise<Item[]> {
  const items: Item[] = [];
  let left: Item[] = [...keys];
  for (let attempt = 1; left.length > 0; attempt++) {
    const RequestItems = { [table]: { Keys: left, ConsistentRead: true } };
    const command = new BatchGetItemCommand({ RequestItems });
    const got = await askPersistently(async () => store.client.send(command), { ...store, what: 'batch get' });
    const came = got.Responses?.[table] ?? [];
    items.push(...came);
    left = got.UnprocessedKeys?.[table]?.Keys ?? [];
    if (left.length === 0) break;
    store.counts.set('unprocessed', (store.counts.get('unprocessed') ?? 0) + left.length);
    // Whatever came is progress: only answers that bring nothing count as attempts.
    if (came.length > 0) attempt = 0;
    else if (attempt >= store.limits.attemptsMax) throw unprocessed(table, left.length);
    await backOff(store.limits, attempt + 1);
  }
  return items;
}

function recordOf(item: Item): KeptRecord {
  return { source: textOf(item['source']), offset: numberOf(item['offset']), bytes: bytesOf(item['event']) };
}

function referencesRecord(json: string): KeptRecord {
  return { source: 'references', offset: 0, bytes: Buffer.from(json) };
}

/** The key of a source's item. */
export function partitionKey(source: string): string {
  return `partition#${source}`;
}

function fenced(source: string, epoch: number, cause?: unknown): WeirError {
  return new WeirError({
    code: 'FENCED',
    message: `${source}: got a write of epoch ${epoch} refused, expected to be the owner: another one has taken over`,
    fix: 'Nothing: the new owner takes the records.',
    facts: { source, epoch },
    cause,
  });
}

function torn(key: string, blocks: number): WeirError {
  return new WeirError({
    code: 'STATE_TORN',
    message: `got fewer than the ${blocks} blocks of an account, expected all of them`,
    fix: 'They are being replaced by another owner: the record comes again.',
    facts: { blocks, keyCharacters: key.length },
  });
}

function unprocessed(table: string, keys: number): WeirError {
  return new WeirError({
    code: 'DYNAMODB_UNAVAILABLE',
    message: `${table}: got ${keys} keys unprocessed again and again, expected them`,
    fix: 'The record comes again. Where it lasts, raise the limits of the table.',
    facts: { table, keys },
  });
}
