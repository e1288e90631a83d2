import { randomUUID } from 'node:crypto';
import {
  ConditionalCheckFailedException,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { WeirError } from '../../core/contract/failure.ts';
import { bytesOf, numberOf, textOf } from './attributes.ts';
import { askPersistently, type RequestCounts, type RequestLimits, requestLimits } from './requests.ts';

/** What a caller's event meets under its id. */
export type Begun =
  /** Nobody asked before, or who did never came to an answer: decide it, and `answer` under this attempt. */
  | { readonly kind: 'begun'; readonly attempt: number }
  /** Somebody is deciding it. */
  | { readonly kind: 'inFlight' }
  /** The same event was answered: this is the answer. */
  | { readonly kind: 'answered'; readonly answer: Uint8Array }
  /** Another event has the id. */
  | { readonly kind: 'conflict' };

export type IdempotencyTable = {
  readonly begin: (event: { readonly idHash: string; readonly bodyHash: string }) => Promise<Begun>;
  /** Keeps the answer unless another attempt has; what is kept. */
  readonly answer: (idHash: string, attempt: number, answer: Uint8Array) => Promise<Uint8Array>;
};

export type IdempotencyOptions = {
  readonly client: DynamoDBClient;
  readonly table: string;
  /** Milliseconds UTC. */
  readonly clockMs: () => number;
  /** After so long an attempt without an answer is over, and another one may begin. */
  readonly inFlightMs: number;
  /** After so long DynamoDB may remove an item. The ledger knows the id for ever: no answer rests on this. */
  readonly keptMs: number;
  readonly limits?: RequestLimits;
  readonly counts?: RequestCounts;
};

/**
 * The answers that callers got, so that whoever asks again gets the same one. The first attempt at an id wins; one that
 * took too long is told apart by its number, and its answer is refused once a later one has begun.
 */
export function openIdempotency(options: IdempotencyOptions): IdempotencyTable {
  const table = { limits: requestLimits, counts: new Map(), ...options };
  return {
    begin: (event) => begin(table, event),
    answer: (idHash, attempt, answer) => keepAnswer(table, { idHash, attempt, answer }),
  };
}

type Table = Required<IdempotencyOptions>;

/** In the place of an attempt: DynamoDB has removed the item since, as it may once `keptMs` have passed. */
const gone = 0;

/** A lost reply makes the next try find its own item: that of an attempt with this mark is ours. */
async function begin(table: Table, event: { readonly idHash: string; readonly bodyHash: string }): Promise<Begun> {
  const mark = randomUUID();
  const nowMs = table.clockMs();
  const first = await put(table, event, { mark, attempt: 1, nowMs, before: null });
  if (first.kind !== 'stale') return first;
  const { attempt } = first;
  const before = attempt === gone ? null : attempt;
  const second = await put(table, event, { mark, attempt: attempt + 1, nowMs, before });
  return second.kind === 'stale' ? { kind: 'inFlight' } : second;
}

async function put(
  table: Table,
  { idHash, bodyHash }: { readonly idHash: string; readonly bodyHash: string },
  asked: { readonly mark: string; readonly attempt: number; readonly nowMs: number; readonly before: number | null },
): Promise<Begun | { readonly kind: 'stale'; readonly attempt: number }> {
  const { mark, attempt, nowMs, before } = asked;
  const Item = {
    id: { B: Buffer.from(idHash, 'hex') },
    body: { S: bodyHash },
    mark: { S: mark },
    attempt: { N: String(attempt) },
    beganMs: { N: String(nowMs) },
    expiresAtS: { N: String(Math.ceil((nowMs + table.keptMs) / 1000)) },
  };
  const condition =
    before === null
      ? { ConditionExpression: 'attribute_not_exists(id)' }
      : {
          ConditionExpression: 'attempt = :before AND body = :body AND attribute_not_exists(answer)',
          ExpressionAttributeValues: { ':before': { N: String(before) }, ':body': { S: bodyHash } },
        };
  const command = new PutItemCommand({ TableName: table.table, Item, ...condition });
  try {
    await askPersistently(async () => table.client.send(command), { ...table, what: 'begin' });
    return { kind: 'begun', attempt };
  } catch (error) {
    if (!(error instanceof ConditionalCheckFailedException)) throw error;
    return judge(table, { idHash, bodyHash, mark, nowMs });
  }
}

async function judge(
  table: Table,
  asked: { readonly idHash: string; readonly bodyHash: string; readonly mark: string; readonly nowMs: number },
): Promise<Begun | { readonly kind: 'stale'; readonly attempt: number }> {
  const item = await read(table, asked.idHash);
  if (item['attempt'] === undefined) return { kind: 'stale', attempt: gone };
  const attempt = numberOf(item['attempt']);
  if (textOf(item['mark']) === asked.mark) return { kind: 'begun', attempt };
  if (textOf(item['body']) !== asked.bodyHash) return { kind: 'conflict' };
  if (item['answer'] !== undefined) return { kind: 'answered', answer: bytesOf(item['answer']) };
  return numberOf(item['beganMs']) + table.inFlightMs > asked.nowMs ? { kind: 'inFlight' } : { kind: 'stale', attempt };
}

async function keepAnswer(
  table: Table,
  { idHash, attempt, answer }: { readonly idHash: string; readonly attempt: number; readonly answer: Uint8Array },
): Promise<Uint8Array> {
  const command = new UpdateItemCommand({
    TableName: table.table,
    Key: { id: { B: Buffer.from(idHash, 'hex') } },
    UpdateExpression: 'SET answer = :answer',
    ConditionExpression: 'attempt = :attempt AND attribute_not_exists(answer)',
    ExpressionAttributeValues: { ':attempt': { N: String(attempt) }, ':answer': { B: answer } },
  });
  try {
    await askPersistently(async () => table.client.send(command), { ...table, what: 'answer' });
    return answer;
  } catch (error) {
    if (!(error instanceof ConditionalCheckFailedException)) throw error;
    const kept = (await read(table, idHash))['answer'];
    if (kept !== undefined) return bytesOf(kept);
    throw superseded(idHash, attempt, error);
  }
}

async function read(table: Table, idHash: string) {
  const Key = { id: { B: Buffer.from(idHash, 'hex') } };
  const command = new GetItemCommand({ TableName: table.table, Key, ConsistentRead: true });
  const { Item } = await askPersistently(async () => table.client.send(command), { ...table, what: 'read' });
  return Item ?? {};
}

function superseded(idHash: string, attempt: number, cause: unknown): WeirError {
  return new WeirError({
    code: 'ATTEMPT_SUPERSEDED',
    message: `got an answer of attempt ${attempt}, expected that of a later one: this one took too long`,
    fix: 'Ask again: the answer is that of the later attempt.',
    facts: { idHash, attempt },
    cause,
  });
}
