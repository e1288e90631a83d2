import { isDeepStrictEqual } from 'node:util';
import { type AttributeValue, DynamoDBClient, paginateScan } from '@aws-sdk/client-dynamodb';
import type { TableNames } from '../../adapters/dynamodb/tables.ts';
import { unpackEvent } from '../../core/sinks/kept-event.ts';
import { extendChain } from '../../core/sinks/account-chain.ts';
import { genesisHash } from '../../core/sinks/chain-block.ts';
import type { LedgerEntry } from '../../core/sinks/ledger-entry.ts';
import type { Decision } from '../../core/score/decision.ts';
import type { LateEvent } from '../../core/sinks/effects.ts';
import type { KeyedRuntime } from '../../runtime/keyed-batch.ts';
import type { LambdaBatch } from '../../runtime/lambda-events.ts';
import { runShipped } from '../laws/harness.ts';

/** What was compared, and where the tables say something else than the embedded run. */
export type Check = {
  readonly records: number;
  readonly decisions: number;
  readonly entries: number;
  readonly deadLetters: number;
  readonly lateEvents: number;
  /** Expiries and waits of accounts that no further event came for. */
  readonly left: number;
  readonly problems: readonly string[];
};

/** Compares what the tables hold of a source with the embedded run over its records, as one batch without faults. */
export async function checkSource(
  runtime: Omit<KeyedRuntime, 'port'>,
  tables: TableNames,
  batch: LambdaBatch,
): Promise<Check> {
  const log = batch.records.map(({ contract: topic, offset, ingestTimeMs, bytes }, index) => ({
    record: { topic, partition: batch.partition, offset: offset ?? index, ingestTimeMs, bytes },
    meaning: { kind: 'end' as const },
  }));
  const expected = runShipped(runtime.weir, log, { batchSizes: [1000] });
  const held = await readTables(runtime, tables, batch.source);
  const problems: string[] = [];
  compareDecisions(problems, expected.decisions, held.decisions);
  const left = compareEntries(problems, expected.ledgerEntries, held);
  if (
    !isDeepStrictEqual(
      held.deadLetters,
      expected.deadLetters.map(({ offset, refusal }) => `${offset} ${refusal.code}`).toSorted(),
    )
  )
    problems.push('the dead letters differ');
  const tooLate = (events: readonly Pick<LateEvent, 'offset' | 'reason'>[]): string[] =>
    events
      .filter(({ reason }) => reason === 'tooLate')
      .map(({ offset }) => String(offset))
      .toSorted();
  if (!isDeepStrictEqual(tooLate(held.late), tooLate(expected.lateEvents))) problems.push('the too-late events differ');
  if (held.events !== expected.acceptedKeys.length)
    problems.push(`got ${held.events} events kept, expected ${expected.acceptedKeys.length}`);
  return {
    records: log.length,
    decisions: held.decisions.length,
    entries: held.entries.length,
    deadLetters: held.deadLetters.length,
    lateEvents: held.late.length,
    left,
    problems,
  };
}

/** What the tables hold of a source. */
export type Held = {
  readonly events: number;
  readonly decisions: readonly Decision[];
  readonly entries: readonly LedgerEntry[];
  /** By the account's number of the last entry of an event. */
  readonly chainHashes: ReadonlyMap<string, string>;
  readonly deadLetters: readonly string[];
  readonly late: readonly Pick<LateEvent, 'offset' | 'reason'>[];
};

/** Reads all of it. */
export async function readTables({ by }: Pick<KeyedRuntime, 'by'>, tables: TableNames, source: string): Promise<Held> {
  const kept = (await scan(tables.ledger)).filter((item) => item['source']?.S === source);
  const chainHashes = new Map<string, string>();
  const events = kept.map((item) => {
    const id = Buffer.from(item['id']?.B ?? []).toString('hex');
    const event = unpackEvent(by, item['event']?.B ?? new Uint8Array(), id);
    const last = event.entries.at(-1);
    if (last !== undefined) chainHashes.set(`${accountOf(last)} ${last.sequence}`, event.chainHash);
    return event;
  });
  const aside = await scan(tables.aside);
  const asideOf = (kind: string) => aside.filter((item) => item['source']?.S === `${kind}#${source}`);
  return {
    events: events.length,
    decisions: events
      .flatMap(({ decision }) => (decision === null ? [] : [decision]))
      .toSorted((left, right) => left.offset - right.offset),
    entries: events.flatMap(({ entries }) => entries),
    chainHashes,
    deadLetters: asideOf('deadLetter')
      .map((item) => `${item['offset']?.N} ${item['code']?.S}`)
      .toSorted(),
    late: asideOf('late').map((item) => ({
      offset: Number(item['offset']?.N),
      reason: item['code']?.S === 'tooLate' ? 'tooLate' : 'unknownAuthorization',
    })),
  };
}

async function scan(TableName: string): Promise<Record<string, AttributeValue>[]> {
  const client = new DynamoDBClient({});
  const items: Record<string, AttributeValue>[] = [];
  for await (const page of paginateScan({ client }, { TableName, ConsistentRead: true })) {
    items.push(...(page.Items ?? []));
  }
  client.destroy();
  return items;
}

function compareDecisions(problems: string[], expected: readonly Decision[], got: readonly Decision[]): void {
  if (got.length !== expected.length) problems.push(`got ${got.length} decisions, expected ${expected.length}`);
  const differing = expected.filter((decision, index) => !isDeepStrictEqual(decision, got[index]));
  if (differing.length > 0) problems.push(`${differing.length} decisions differ, the first at ${differing[0]?.offset}`);
}

/** Each account's entries in their order and its chain; how many expiries no event has brought about yet. */
function compareEntries(problems: string[], expected: readonly LedgerEntry[], held: Held): number {
  const [wanted, got] = [byAccount(expected), byAccount(held.entries)];
  let left = 0;
  for (const [account, entries] of wanted) {
    const own = (got.get(account) ?? []).toSorted((a, b) => a.sequence - b.sequence);
    const rest = entries.slice(own.length);
    left += rest.length;
    const isSame = own.every((entry, index) => isDeepStrictEqual(unnumbered(entry), unnumbered(entries[index])));
    if (!isSame) problems.push(`${account}: the entries differ`);
    if (rest.some(({ kind }) => kind !== 'expiry'))
      problems.push(`${account}: got ${own.length} entries of ${entries.length}`);
    compareChain(problems, account, own, held.chainHashes);
  }
  for (const account of got.keys()) if (!wanted.has(account)) problems.push(`${account}: got entries, expected none`);
  return left;
}

function compareChain(
  problems: string[],
  account: string,
  entries: readonly LedgerEntry[],
  chainHashes: ReadonlyMap<string, string>,
): void {
  let hash = genesisHash;
  for (const [index, entry] of entries.entries()) {
    if (entry.sequence !== index) problems.push(`${account}: got entry ${entry.sequence}, expected entry ${index}`);
    hash = extendChain(hash, entry);
    const kept = chainHashes.get(`${account} ${entry.sequence}`);
    if (kept !== undefined && kept !== hash) problems.push(`${account}: the chain breaks at ${entry.sequence}`);
  }
}

function byAccount(entries: readonly LedgerEntry[]): Map<string, LedgerEntry[]> {
  const accounts = new Map<string, LedgerEntry[]>();
  for (const entry of entries) accounts.set(accountOf(entry), [...(accounts.get(accountOf(entry)) ?? []), entry]);
  return accounts;
}

function accountOf({ tenantId, accountId }: LedgerEntry): string {
  return `${tenantId} ${accountId}`;
}

function unnumbered(entry: LedgerEntry | undefined): Omit<LedgerEntry, 'sequence'> | undefined {
  if (entry === undefined) return undefined;
  const { sequence: _sequence, ...others } = entry;
  return others;
}
