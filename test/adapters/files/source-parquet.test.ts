import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openSource, type Source } from '../../../adapters/files/source.ts';
import { mapping as handbook } from '../../../examples/handbook/mapping.ts';
import { createPaymentsCsv } from '../../../examples/small/tables.ts';
import { unwrapUnmappable } from '../../../core/decode/unmappable.ts';

const directory = mkdtempSync(join(tmpdir(), 'weir-parquet-'));
const csvPath = join(directory, 'payments.csv');
const builtInMappings = [handbook];

beforeAll(async () => {
  writeFileSync(csvPath, createPaymentsCsv());
  const connection = await (await DuckDBInstance.create(':memory:')).connect();
  const source = `read_csv('${csvPath}')`;
  for (const compression of ['zstd', 'snappy', 'gzip', 'uncompressed']) {
    await connection.run(
      `COPY (SELECT * REPLACE (TX_DATETIME::TIMESTAMP_NS AS TX_DATETIME) FROM ${source}) TO '${pathOf(compression)}'
       (FORMAT parquet, COMPRESSION ${compression}, ROW_GROUP_SIZE 2048)`,
    );
  }
  await connection.run(
    `COPY (SELECT * REPLACE (CASE WHEN TRANSACTION_ID = 5 THEN NULL ELSE TX_AMOUNT END AS TX_AMOUNT) FROM ${source}
     UNION ALL SELECT * REPLACE (TRANSACTION_ID + 9007199254740993 AS TRANSACTION_ID) FROM ${source})
     TO '${pathOf('nulls')}' (FORMAT parquet, ROW_GROUP_SIZE 2048)`,
  );
  connection.closeSync();
});
afterAll(() => rmSync(directory, { recursive: true }));

function pathOf(name: string): string {
  return join(directory, `${name}.parquet`);
}

async function textsOf(source: Source): Promise<string[]> {
  const items = (await Array.fromAsync(source.events())).flat();
  return items.map(({ topic, bytes }) => `${topic} ${Buffer.from(bytes).toString()}`);
}

describe('a Parquet source', () => {
  test.each(['zstd', 'snappy', 'gzip', 'uncompressed'])(
    'with %s gives what the same table gives as CSV',
    async (name) => {
      const source = await openSource({ path: pathOf(name), builtInMappings });
      expect(source.rowsTotal).toBe(2000);
      const texts = await textsOf(source);
      expect(texts).toHaveLength(2136);
      expect(texts).toEqual(await textsOf(await openSource({ path: csvPath, builtInMappings })));
    },
  );

  test('reads several row groups in order, keeps big ids whole and hands on a null as unmappable', async () => {
    const source = await openSource({ path: pathOf('nulls'), builtInMappings });
    expect(source.rowsTotal).toBe(4000);
    const items = (await Array.fromAsync(source.events())).flat();
    const unmappable = items.filter(({ topic }) => topic === 'weir.unmappable.v1');
    expect(unmappable).toHaveLength(1);
    const row = unwrapUnmappable(unmappable[0]?.bytes ?? new Uint8Array());
    expect(row).toMatchObject({ sourceRow: 5, message: 'got nothing in TX_AMOUNT, expected an amount of at least 0' });
    expect(JSON.parse(Buffer.from(row?.bytes ?? []).toString())).toMatchObject({ TRANSACTION_ID: 5, TX_AMOUNT: null });
    const ids = items.flatMap(({ topic, bytes }) => {
      const event: unknown = topic === 'payments.authorization.v1' ? JSON.parse(Buffer.from(bytes).toString()) : null;
      return event === null ? [] : [(event as { eventId: string }).eventId];
    });
    const whole = Array.from({ length: 2000 }, (_, index) => String(9007199254740993n + BigInt(index)));
    expect(ids.slice(1999)).toEqual(whole);
  });

  test('a file that is no Parquet is refused with its path', async () => {
    const path = pathOf('text');
    writeFileSync(path, 'this is not Parquet at all');
    await expect(openSource({ path, builtInMappings })).rejects.toMatchObject({ code: 'PARQUET_UNREADABLE' });
    writeFileSync(path, '');
    await expect(openSource({ path, builtInMappings })).rejects.toMatchObject({ code: 'PARQUET_UNREADABLE' });
    const missing = openSource({ path: pathOf('none'), builtInMappings });
    await expect(missing).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' });
  });
});
