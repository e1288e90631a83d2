import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RowVersion } from '../../core/contract/change-event.ts';
import type { ChangeFormat } from '../../core/contract/change-format.ts';
import { readChange, type ReadChange } from '../../core/decode/read-change.ts';
import { readVersions } from '../../core/decode/row-versions.ts';
import { dimensionHistory, type HistoryRow } from '../../core/engine/dimension-history.ts';
import { startCapture } from '../../engines/debezium/capture.ts';
import { debeziumRecordSettings } from '../../lib/capture-settings.ts';
import { type PostgresServer, startPostgres } from '../../engines/postgres/server.ts';
import { dmsRecord, maxwellRecord, type TableChange, tableAt } from '../decode/table-changes.ts';
import { planChanges, recordsUntil, sampleStatements, statementsOf } from './change-run.ts';

const dir = mkdtempSync(join(tmpdir(), 'weir-debezium-'));
let postgres: PostgresServer;

beforeAll(async () => {
  postgres = await startPostgres();
}, 120_000);

afterAll(async () => {
  await postgres?.stop();
  rmSync(dir, { recursive: true, force: true });
});

test('every kind of change that Debezium captures is read as the samples say', async () => {
  await postgres.run(sampleStatements.before);
  // Those that are deployed, so that what they make Debezium write is what is read.
  const settings = { ...debeziumRecordSettings, 'slot.name': 'samples', 'publication.name': 'samples' };
  const capture = await startCapture({ dir: join(dir, 'samples'), postgres, settings });
  try {
    await recordsUntil(capture, '"merchant_id":"kiosk"');
    await postgres.run(sampleStatements.after);
    await recordsUntil(capture, '"merchant_id":"last"');
  } finally {
    await capture.stop();
  }
  const records = readFileSync(capture.recordsPath, 'utf8');
  const golden = join(import.meta.dirname, '../golden/changes/debezium.jsonl');
  if (process.env['WEIR_RECORD_SAMPLES'] !== undefined) writeFileSync(golden, records);
  const [fresh, known] = [records, readFileSync(golden, 'utf8')].map((text) => withoutPlaces(text));
  expect(fresh?.filter(({ kind }) => kind === 'change')).toHaveLength(14);
  expect(fresh).toEqual(known);
});

/** What the records say but for where and when. */
function withoutPlaces(text: string): ReadChange[] {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => readChange('debezium', Buffer.from(line)))
    .filter((read) => read.kind !== 'aside' || read.what !== 'transaction')
    .map((read) =>
      read.kind === 'change'
        ? { ...read, change: { ...read.change, commitTimeMs: 0, position: '', transaction: null } }
        : read,
    );
}

const changesOfRun = 10_000;

test('10,000 changes have one history: by Debezium, and in the shapes of DMS and Maxwell', async () => {
  await postgres.run(`drop table if exists merchant, dispute;
create table merchant (merchant_id text primary key, risk text not null, sector text);
create table noted (transaction int primary key, xid xid8 not null default pg_current_xact_id());
`);
  const settings = { 'slot.name': 'run', 'publication.name': 'run', 'table.include.list': 'public.merchant' };
  const capture = await startCapture({
    dir: join(dir, 'run'),
    postgres,
    settings: { ...settings, 'snapshot.mode': 'no_data' },
  });
  const planned = planChanges({ seed: 7, changes: changesOfRun, keys: 300 });
  let records: string[] = [];
  try {
    await postgres.run(statementsOf(planned));
    await postgres.run("insert into merchant values ('last', 'low', null);");
    records = await recordsUntil(capture, '"merchant_id":"last"');
  } finally {
    await capture.stop();
  }
  const changes = await committed(planned);
  const debezium = versionsOf('debezium', records).filter(({ key }) => key['merchant_id'] !== 'last');
  const dms = versionsOf('dms', changes.map(dmsRecord));
  const maxwell = versionsOf('maxwell', changes.map(maxwellRecord));
  expect([debezium.length, maxwell.length]).toEqual([dms.length, dms.length]);
  const history = dimensionHistory(shuffled(debezium));
  expect(dimensionHistory(shuffled(dms))).toEqual(history);
  // Maxwell tells whole seconds.
  expect(dimensionHistory(shuffled(maxwell))).toEqual(dimensionHistory(dms.map(inSeconds)));
  for (let index = 0; index < changes.length; index += 97) {
    const timeMs = changes[index]?.commitTimeMs ?? 0;
    expect(rowsAt(history, timeMs)).toEqual(tableAt(changes, timeMs));
  }
  expect(history.length).toBeGreaterThan(1000);
});

/** The changes with the times at which the database says that it committed them. */
async function committed(planned: readonly Omit<TableChange, 'commitTimeMs'>[]): Promise<TableChange[]> {
  const rows = await postgres.run(
    'select transaction, floor(extract(epoch from pg_xact_commit_timestamp(xid::xid)) * 1000)::bigint from noted;',
  );
  const times = new Map(
    rows
      .trimEnd()
      .split('\n')
      .map((row) => row.split('|').map(Number) as [number, number]),
  );
  return planned.map((change) => ({ ...change, commitTimeMs: times.get(change.transaction) ?? Number.NaN }));
}

function versionsOf(format: ChangeFormat, records: readonly string[]): RowVersion[] {
  return records.flatMap((record) => {
    const read = readVersions(format, Buffer.from(record), { merchant: ['merchant_id'] });
    if (!read.ok) throw new Error(read.message);
    // Each names the schema in its own way; the histories are of one table.
    return read.versions.map((version) => ({ ...version, schema: 'public' }));
  });
}

/** Every version once and every third twice, far from where they were. */
function shuffled(versions: readonly RowVersion[]): RowVersion[] {
  const all = [...versions, ...versions.filter((_, index) => index % 3 === 0)];
  return all
    .map((version, index) => ({ version, rank: Math.imul(index + 1, 2_654_435_761) >>> 0 }))
    .toSorted((left, right) => left.rank - right.rank)
    .map(({ version }) => version);
}

function inSeconds(version: RowVersion): RowVersion {
  return { ...version, commitTimeMs: Math.floor(version.commitTimeMs / 1000) * 1000 };
}

function rowsAt(history: readonly HistoryRow[], timeMs: number): Record<string, unknown> {
  const valid = history.filter(
    ({ validFromMs, validToMs }) => validFromMs <= timeMs && (validToMs === null || timeMs < validToMs),
  );
  return Object.fromEntries(valid.map(({ key, values }) => [String(key['merchant_id']), values]));
}
