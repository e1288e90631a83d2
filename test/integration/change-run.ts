import { readFileSync } from 'node:fs';
import { vi } from 'vitest';
import type { ColumnValues } from '../../core/contract/change-event.ts';
import type { Capture } from '../../engines/debezium/capture.ts';
import { chance, openStream, wholeBelow } from '../../simulate/random.ts';
import { changeOf, type Step, type TableChange } from '../decode/table-changes.ts';

/** Changes without their commit times, which the database gives. */
export type PlannedChange = Omit<TableChange, 'commitTimeMs'>;

/** So many changes of a table of so many keys, in transactions of one to four. */
export function planChanges({
  seed,
  changes,
  keys,
}: Readonly<Record<'seed' | 'changes' | 'keys', number>>): PlannedChange[] {
  const random = openStream({ seed, name: 'changes' });
  const table = new Map<string, ColumnValues>();
  const planned: PlannedChange[] = [];
  const key = (): string => `m${wholeBelow(random, keys)}`;
  let transaction = 0;
  let within = 0;
  while (planned.length < changes) {
    const isNext = planned.length === 0 || chance(random, 0.5) || within === 3;
    transaction += isNext ? 1 : 0;
    within = isNext ? 0 : within + 1;
    const step: Step = {
      key: key(),
      newKey: chance(random, 0.1) ? key() : null,
      risk: chance(random, 0.5) ? 'low' : 'high',
      sector: chance(random, 0.7) ? `sector ${wholeBelow(random, 100)}` : null,
      remove: chance(random, 0.15),
    };
    planned.push({ ...changeOf(table, step), transaction, within, logPosition: 1000 + planned.length });
  }
  return planned;
}

/** The changes as statements; each transaction also notes which one it is. */
export function statementsOf(changes: readonly PlannedChange[]): string {
  const transactions = Map.groupBy(changes, ({ transaction }) => transaction);
  return [...transactions]
    .map(([transaction, some]) => {
      const note = `insert into noted (transaction) values (${transaction});`;
      return `begin;\n${note}\n${some.map(statementOf).join('\n')}\ncommit;\n`;
    })
    .join('');
}

function statementOf({ kind, key, oldKey, after }: PlannedChange): string {
  const [risk, sector] = [literal(after?.['risk']), literal(after?.['sector'])];
  switch (kind) {
    case 'delete':
      return `delete from merchant where merchant_id = '${key}';`;
    case 'update':
      return `update merchant set merchant_id = '${key}', risk = ${risk}, sector = ${sector} where merchant_id = '${oldKey ?? key}';`;
    default:
      return `insert into merchant (merchant_id, risk, sector) values ('${key}', ${risk}, ${sector});`;
  }
}

function literal(value: unknown): string {
  return typeof value === 'string' ? `'${value}'` : 'null';
}

/** The lines of a capture once one of them holds a text. */
export async function recordsUntil({ recordsPath }: Capture, text: string): Promise<string[]> {
  return vi.waitFor(
    () => {
      const records = readFileSync(recordsPath, 'utf8');
      if (records.includes(text) && records.endsWith('\n')) return records.trimEnd().split('\n');
      throw new Error(`got no record with ${text}, expected one`);
    },
    { timeout: 60_000 },
  );
}

/** What the samples of Debezium are of: every kind of change and value. The last one makes a row named `last`. */
export const sampleStatements = {
  before: `create table merchant (merchant_id text primary key, risk text not null, sector text, fee numeric(10,2),
  opened timestamp, checked timestamptz, day date, note text);
alter table merchant alter column note set storage external;
create table dispute (dispute_id text primary key, payment_id text not null, account_id text not null,
  reason text not null, recorded timestamptz);
insert into merchant values
  ('shop', 'low', 'food', 12.50, '2026-01-01 09:30:00.123456', '2026-01-01 09:30:00+02', '2026-01-01', repeat('n', 2100)),
  ('kiosk', 'low', null, null, null, null, null, null);
`,
  after: `update merchant set risk = 'high' where merchant_id = 'shop';
update merchant set merchant_id = 'store' where merchant_id = 'shop';
begin;
update merchant set fee = -0.01 where merchant_id = 'kiosk';
update merchant set fee = 12345678.99 where merchant_id = 'kiosk';
commit;
alter table merchant add column visits bigint;
update merchant set visits = 9007199254740993 where merchant_id = 'store';
delete from merchant where merchant_id = 'store';
insert into merchant (merchant_id, risk) values ('store', 'low');
alter table merchant replica identity full;
update merchant set note = repeat('m', 2100) where merchant_id = 'store';
update merchant set risk = 'high' where merchant_id = 'store';
insert into dispute values ('d-1', 'p-1', 'c1', 'fraud', '2026-01-01 09:31:00+00');
insert into merchant (merchant_id, risk) values ('last', 'low');
`,
};
