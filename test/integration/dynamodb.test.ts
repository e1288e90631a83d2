import { randomUUID } from 'node:crypto';
import { DynamoDBClient, PutItemCommand, TransactWriteItemsCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createKeyedStore } from '../../adapters/dynamodb/keyed-store.ts';
import { openIdempotency } from '../../adapters/dynamodb/idempotency.ts';
import { createTables, type TableNames } from '../../adapters/dynamodb/tables.ts';
import type { KeyedPort } from '../../core/steps/keyed-port.ts';
import type { Emulator } from '../../engines/aws/emulators.ts';
import { dynamoServers } from './function-world.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const idOf = (): string => randomUUID().replaceAll('-', '');

describe.each(dynamoServers)('%s', (_name, start) => {
  let server: Emulator;
  let client: DynamoDBClient;
  let tables: TableNames;
  let store: KeyedPort;

  beforeAll(async () => {
    server = await start();
    const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
    client = new DynamoDBClient({ endpoint: server.endpoint, region: 'us-east-1', credentials, maxAttempts: 1 });
    const id = randomUUID().slice(0, 8);
    tables = { keyedState: `s-${id}`, ledger: `l-${id}`, idempotency: `i-${id}`, aside: `a-${id}` };
    await createTables(client, tables);
    store = createKeyedStore({ client, tables });
  });

  afterAll(async () => {
    client?.destroy();
    await server?.stop();
  });

  test('the first event of an id is kept, and told to whoever comes second', async () => {
    const id = idOf();
    const first = { source: 's/0', offset: 3, bytes: bytes('first') };
    expect(await store.keepEvent(id, first)).toEqual(first);
    expect(await store.keepEvent(id, { ...first, bytes: bytes('other') })).toEqual(first);
    expect(await store.findEvents([id, idOf()])).toEqual(new Map([[id, first]]));
  });

  test('a later owner fences the one before, for progress and for state', async () => {
    const source = `s/${randomUUID()}`;
    const zombie = await store.claim(source);
    const claim = await store.claim(source);
    expect(claim.epoch).toBe(zombie.epoch + 1);
    const progress = { position: { sequence: '7', subsequence: 0 }, nextOffset: 8, inputs: [], stateMs: 5 };
    await store.commit(claim, progress);
    await expect(store.commit(zombie, progress)).rejects.toMatchObject({ code: 'FENCED' });
    expect((await store.claim(source)).progress).toEqual(progress);
    const key = randomUUID();
    await store.saveState({ claim, key, bytes: bytes('state'), appliedOffset: 7, before: null });
    const before = (await store.loadStates([key])).get(key)!;
    await expect(
      store.saveState({ claim: zombie, key, bytes: bytes('zombie'), appliedOffset: 9, before }),
    ).rejects.toMatchObject({ code: 'FENCED' });
    expect((await store.loadStates([key])).get(key)?.bytes).toEqual(bytes('state'));
  });

  test('a state that was written meanwhile is not overwritten', async () => {
    const claim = await store.claim(`s/${randomUUID()}`);
    const key = randomUUID();
    await store.saveState({ claim, key, bytes: bytes('a'), appliedOffset: 1, before: null });
    const before = (await store.loadStates([key])).get(key)!;
    const save = { claim, key, bytes: bytes('b'), appliedOffset: 4, before };
    await store.saveState(save);
    await store.saveState(save);
    await expect(store.saveState({ ...save, appliedOffset: 5 })).rejects.toMatchObject({ code: 'FENCED' });
    await expect(store.saveState({ ...save, before: null, appliedOffset: 6 })).rejects.toMatchObject({
      code: 'FENCED',
    });
    expect((await store.loadStates([key])).get(key)?.appliedOffset).toBe(4);
  });

  test('a state beyond one item lies in blocks, and beyond ten is refused', async () => {
    const claim = await store.claim(`s/${randomUUID()}`);
    const key = randomUUID();
    const large = Buffer.alloc(900_000, 7);
    await store.saveState({ claim, key, bytes: large, appliedOffset: 1, before: null });
    const before = (await store.loadStates([key])).get(key)!;
    expect(before).toMatchObject({ blocks: 3, appliedOffset: 1 });
    expect(Buffer.compare(before.bytes, large)).toBe(0);
    await store.saveState({ claim, key, bytes: bytes('small again'), appliedOffset: 2, before });
    expect((await store.loadStates([key])).get(key)).toMatchObject({ blocks: 0, appliedOffset: 2 });
    await expect(
      store.saveState({ claim, key: randomUUID(), bytes: new Uint8Array(4_000_000), appliedOffset: 1, before: null }),
    ).rejects.toMatchObject({ code: 'KEY_TOO_LARGE' });
  });

  test('more keys than one request takes are all read', async () => {
    const ids = Array.from({ length: 230 }, idOf);
    await Promise.all(ids.map(async (id, offset) => store.keepEvent(id, { source: 's', offset, bytes: bytes(id) })));
    const found = await store.findEvents([...ids, ...ids]);
    expect(found.size).toBe(230);
    for (const [offset, id] of ids.entries()) expect(found.get(id)?.offset).toBe(offset);
  });

  test('an answer is given once, and told again to the same event alone', async () => {
    // Ahead of any clock: what has expired by its own may be removed at any moment.
    let nowMs = 4_000_000_000_000;
    const limits = { inFlightMs: 5000, keptMs: 86_400_000, clockMs: () => nowMs };
    const answers = openIdempotency({ client, table: tables.idempotency, ...limits });
    const event = { idHash: idOf(), bodyHash: 'a' };
    const [first, ...others] = await Promise.all([event, event, event].map(async (asked) => answers.begin(asked)));
    const kinds = [first, ...others].map((found) => found?.kind);
    expect(kinds.filter((kind) => kind === 'begun')).toHaveLength(1);
    expect(kinds.filter((kind) => kind === 'inFlight')).toHaveLength(2);
    expect(await answers.begin({ ...event, bodyHash: 'b' })).toEqual({ kind: 'conflict' });
    nowMs += 5000;
    expect(await answers.begin(event)).toEqual({ kind: 'begun', attempt: 2 });
    await expect(answers.answer(event.idHash, 1, bytes('slow'))).rejects.toMatchObject({ code: 'ATTEMPT_SUPERSEDED' });
    expect(await answers.answer(event.idHash, 2, bytes('yes'))).toEqual(bytes('yes'));
    expect(await answers.answer(event.idHash, 2, bytes('no'))).toEqual(bytes('yes'));
    nowMs += 2 * 86_400_000;
    expect(await answers.begin(event)).toEqual({ kind: 'answered', answer: bytes('yes') });
    expect(await answers.begin({ ...event, bodyHash: 'b' })).toEqual({ kind: 'conflict' });
  });

  test('a table that is not there is told as a failure with a code', async () => {
    const missing = createKeyedStore({ client, tables: { ...tables, keyedState: 'missing' } });
    await expect(missing.claim('s/0')).rejects.toMatchObject({ code: 'DYNAMODB_UNREACHABLE' });
  });

  test('a transaction writes all of its items or none', async () => {
    const put = (id: string) => ({
      Put: {
        TableName: tables.ledger,
        Item: { id: { B: Buffer.from(id, 'hex') }, source: { S: 't' }, offset: { N: '1' }, event: { B: bytes(id) } },
        ConditionExpression: 'attribute_not_exists(id)',
      },
    });
    const [taken, free, other] = [idOf(), idOf(), idOf()];
    await client.send(new PutItemCommand(put(taken).Put));
    await expect(
      client.send(new TransactWriteItemsCommand({ TransactItems: [put(free), put(taken)] })),
    ).rejects.toMatchObject({ name: 'TransactionCanceledException' });
    expect((await store.findEvents([free])).size).toBe(0);
    await client.send(new TransactWriteItemsCommand({ TransactItems: [put(free), put(other)] }));
    expect((await store.findEvents([free, other])).size).toBe(2);
  });
});
