import {
  type AttributeValue,
  ConditionalCheckFailedException,
  type DynamoDBClient,
  QueryCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { bytesOf, numberOf, textOf } from './attributes.ts';
import { askPersistently, requestLimits } from './requests.ts';

/** A dead letter that was not put back. */
export type WaitingLetter = {
  readonly offset: number;
  readonly code: string;
  readonly contract: string;
  readonly key: string;
  readonly bytes: Uint8Array;
  /** Of its items, in order. */
  readonly places: readonly string[];
};

type Reading = { readonly client: DynamoDBClient; readonly table: string };

const asking = { limits: requestLimits, counts: new Map<string, number>() };

/** The dead letters of a source that were not put back, in the order of their offsets, `lettersMax` at most. */
export async function readLetters(
  { client, table }: Reading,
  asked: { readonly source: string; readonly codes: readonly string[]; readonly lettersMax: number },
): Promise<WaitingLetter[]> {
  const letters: WaitingLetter[] = [];
  let open: Record<string, AttributeValue>[] = [];
  let ExclusiveStartKey: Record<string, AttributeValue> | undefined;
  do {
    const command = new QueryCommand({
      TableName: table,
      KeyConditionExpression: '#source = :source',
      ExpressionAttributeNames: { '#source': 'source' },
      ExpressionAttributeValues: { ':source': { S: `deadLetter#${asked.source}` } },
      ConsistentRead: true,
      ...(ExclusiveStartKey === undefined ? {} : { ExclusiveStartKey }),
    });
    const page = await askPersistently(async () => client.send(command), { ...asking, what: 'read letters' });
    for (const item of page.Items ?? []) {
      open.push(item);
      if (numberOf(item['part']) + 1 < numberOf(item['parts'])) continue;
      const isWanted = asked.codes.length === 0 || asked.codes.includes(textOf(item['code']));
      if (isWanted && item['redrivenMs'] === undefined) letters.push(letterOf(open));
      open = [];
      if (letters.length === asked.lettersMax) return letters;
    }
    ExclusiveStartKey = page.LastEvaluatedKey;
  } while (ExclusiveStartKey !== undefined);
  return letters;
}

/** Notes that a letter was put back; false where it was noted before. */
export async function markRedriven(
  { client, table }: Reading,
  source: string,
  { letter, processingTimeMs }: { readonly letter: WaitingLetter; readonly processingTimeMs: number },
): Promise<boolean> {
  // The last part is what `readLetters` looks at.
  const place = letter.places.at(-1) ?? '';
  const command = new UpdateItemCommand({
    TableName: table,
    Key: { source: { S: `deadLetter#${source}` }, place: { S: place } },
    UpdateExpression: 'SET redrivenMs = :ms',
    ConditionExpression: 'attribute_exists(place) AND attribute_not_exists(redrivenMs)',
    ExpressionAttributeValues: { ':ms': { N: String(processingTimeMs) } },
  });
  try {
    await askPersistently(async () => client.send(command), { ...asking, what: 'mark a letter' });
    return true;
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return false;
    throw error;
  }
}

function letterOf(items: readonly Record<string, AttributeValue>[]): WaitingLetter {
  const first = items[0] ?? {};
  return {
    offset: numberOf(first['offset']),
    code: textOf(first['code']),
    contract: textOf(first['contract']),
    key: textOf(first['key']),
    bytes: Buffer.concat(items.map((item) => bytesOf(item['bytes']))),
    places: items.map((item) => textOf(item['place'])),
  };
}
