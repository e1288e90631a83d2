import { randomInt, randomUUID } from 'node:crypto';
import {
  GetItemCommand,
  TransactionCanceledException,
  type TransactWriteItem,
  TransactWriteItemsCommand,
} from '@aws-sdk/client-dynamodb';
import type { Claim, KeyedStep, RequestPort } from '../../core/steps/keyed-port.ts';
import { asideItems } from './aside.ts';
import { createKeyedStore, type KeyedStoreOptions, partitionKey, putBlocks, type Store } from './keyed-store.ts';
import { claimItem, progressAttributes } from './partition-item.ts';
import { askPersistently, requestLimits } from './requests.ts';
import { deleteBlocks, splitState } from './state-blocks.ts';

/** Keeps decisions that somebody waits for in DynamoDB, each in one transaction. */
export function createRequestStore(options: KeyedStoreOptions): RequestPort {
  const store = { limits: requestLimits, counts: new Map(), ...options };
  const { loadStates, findEvents, keepReferences, findReferences } = createKeyedStore(options);
  return {
    loadStates,
    findEvents,
    keepReferences,
    findReferences,
    look: (source) => look(store, source),
    commitAtOnce: (step) => commitAtOnce(store, step),
  };
}

/** Heads that two attempts write have blocks of their own, whichever wins: a number that no other attempt has. */
const attemptMax = 2 ** 47;

async function look(store: Store, source: string): Promise<Claim> {
  const Key = { key: { S: partitionKey(source) } };
  const command = new GetItemCommand({ TableName: store.tables.keyedState, Key, ConsistentRead: true });
  const { Item } = await askPersistently(async () => store.client.send(command), { ...store, what: 'look' });
  return claimItem(source, Item ?? {});
}

async function commitAtOnce(store: Store, step: KeyedStep): Promise<boolean> {
  const { taken } = step;
  const attempt = randomInt(attemptMax);
  const split = taken === null ? { blocks: [] } : splitState(taken.key, taken.bytes);
  if (taken !== null) {
    const written = { appliedOffset: taken.appliedOffset, epoch: attempt };
    await putBlocks(store, { key: taken.key, written, split });
  }
  const TransactItems = [
    moveSource(store, step),
    ...step.aside.flatMap(asideItems).map((Item) => ({ Put: { TableName: store.tables.aside, Item } })),
    ...(taken === null
      ? []
      : [keepEvent(store, taken), saveState(store, step, { taken, attempt, blocks: split.blocks.length })]),
  ];
  // The token lets the same transaction be sent again where its reply was lost.
  const command = new TransactWriteItemsCommand({ TransactItems, ClientRequestToken: randomUUID() });
  const isKept = await askPersistently(async () => send(store, command), { ...store, what: 'commit at once' });
  if (isKept && taken !== null && taken.before !== null) await deleteBlocks(store, taken.key, taken.before);
  return isKept;
}

/** False where a condition failed or another transaction was under way; what passes is thrown by its own name. */
async function send({ client }: Store, command: TransactWriteItemsCommand): Promise<boolean> {
  try {
    await client.send(command);
    return true;
  } catch (error) {
    if (!(error instanceof TransactionCanceledException)) throw error;
    const codes = (error.CancellationReasons ?? []).map(({ Code = 'None' }) => Code);
    if (codes.some((code) => code === 'ConditionalCheckFailed' || code === 'TransactionConflict')) return false;
    const passing = codes.find((code) => code === 'ThrottlingError' || code === 'ProvisionedThroughputExceeded');
    throw passing === undefined ? error : Object.assign(new Error(error.message), { name: 'ThrottlingException' });
  }
}

function moveSource({ tables }: Store, { claim: { source, epoch }, progress }: KeyedStep): TransactWriteItem {
  const isNew = epoch === 0;
  return {
    Update: {
      TableName: tables.keyedState,
      Key: { key: { S: partitionKey(source) } },
      UpdateExpression: 'SET epoch = :next, progress = :progress',
      ConditionExpression: isNew ? 'attribute_not_exists(epoch)' : 'epoch = :before',
      ExpressionAttributeValues: {
        ':next': { N: String(epoch + 1) },
        ':progress': progressAttributes(progress),
        ...(isNew ? {} : { ':before': { N: String(epoch) } }),
      },
    },
  };
}

type Accepted = NonNullable<KeyedStep['taken']>;

function keepEvent({ tables }: Store, { idHash, event }: Accepted): TransactWriteItem {
  const id = { B: Buffer.from(idHash, 'hex') };
  const Item = { id, source: { S: event.source }, offset: { N: String(event.offset) }, event: { B: event.bytes } };
  return { Put: { TableName: tables.ledger, Item, ConditionExpression: 'attribute_not_exists(id)' } };
}

function saveState(
  { tables }: Store,
  { claim }: KeyedStep,
  { taken, attempt, blocks }: { readonly taken: Accepted; readonly attempt: number; readonly blocks: number },
): TransactWriteItem {
  const { key, bytes, appliedOffset, before } = taken;
  const Item = {
    key: { S: key },
    source: { S: claim.source },
    applied: { N: String(appliedOffset) },
    epoch: { N: String(attempt) },
    ...(blocks === 0 ? { state: { B: bytes } } : { blocks: { N: String(blocks) } }),
  };
  const condition =
    before === null
      ? { ConditionExpression: 'attribute_not_exists(#key)', ExpressionAttributeNames: { '#key': 'key' } }
      : {
          ConditionExpression: 'applied = :before',
          ExpressionAttributeValues: { ':before': { N: String(before.appliedOffset) } },
        };
  return { Put: { TableName: tables.keyedState, Item, ...condition } };
}
