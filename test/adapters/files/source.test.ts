import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { openSource, type SourceItem, type SourceOptions } from '../../../adapters/files/source.ts';
import type { Mapping } from '../../../core/contract/mapping.ts';
import { unwrapUnmappable } from '../../../core/decode/unmappable.ts';
import { serialise, serialiseLine } from '../../../simulate/item.ts';
import { simulatePayments } from '../../../simulate/payments.ts';

const directory = mkdtempSync(join(tmpdir(), 'weir-source-'));
afterAll(() => rmSync(directory, { recursive: true }));

let files = 0;
function writeSource(name: string, content: string | Uint8Array): string {
  files += 1;
  const path = join(directory, `${files}-${name}`);
  writeFileSync(path, content);
  return path;
}

async function readAll(options: SourceOptions): Promise<SourceItem[]> {
  const source = await openSource(options);
  return (await Array.fromAsync(source.events())).flat();
}

/** Each row is an event at `second`; with `wait`, so many seconds later another one follows. */
const rowMapping: Mapping = {
  name: 'row',
  version: 1,
  topic: 'payments.authorization.v1',
  columns: ['id', 'second', 'wait'],
  map(row, rowNumber) {
    const { id, second, wait } = row;
    if (second === '') return { kind: 'unmappable', error: { message: 'got no second', issues: [] } };
    if (id === 'bug') throw new Error('the mapping has a bug');
    const eventTimeMs = Number(second) * 1000;
    const later = { topic: 'payments.dispute.v1', eventTimeMs: eventTimeMs + Number(wait) * 1000, event: { of: id } };
    return {
      kind: 'mapped',
      events: [{ topic: 'payments.authorization.v1', eventTimeMs, event: { id, rowNumber } }],
      deferred: wait === '' ? [] : [later],
    };
  },
};
const builtInMappings = [rowMapping];

function textOf({ topic, bytes }: SourceItem): string {
  const row = topic === 'weir.unmappable.v1' ? unwrapUnmappable(bytes) : null;
  if (row === null) return Buffer.from(bytes).toString();
  return `${row.sourceRow} ${row.message}: ${Buffer.from(row.bytes).toString()}`;
}

async function readCsv(content: string | Uint8Array): Promise<string[]> {
  return (await readAll({ path: writeSource('rows.csv', content), builtInMappings })).map(textOf);
}

describe('a CSV source', () => {
  test('maps each row to its event', async () => {
    expect(await readCsv('id,second,wait\na,1,\nb,2,\n')).toEqual([
      '{"id":"a","rowNumber":0}',
      '{"id":"b","rowNumber":1}',
    ]);
  });

  test('takes carriage returns, a byte order mark, blank lines and a last line without an end', async () => {
    const plain = await readCsv('id,second,wait\na,1,\nb,2,\n');
    expect(await readCsv('\uFEFFid,second,wait\r\na,1,\r\n\r\nb,2,')).toEqual(plain);
    expect(await readCsv('\uFEFF"id","second","wait"\n\na,1,\n"b",2,""\n')).toEqual(plain);
  });

  test('takes commas, quotes and line ends inside quotes, and columns in any order', async () => {
    expect(await readCsv('wait,id,second,more\n,"a,""b""\nc",1,x\n')).toEqual(['{"id":"a,\\"b\\"\\nc","rowNumber":0}']);
  });

  test('hands on a row with another number of fields with its own bytes, and keeps its neighbours', async () => {
    expect(await readCsv('id,second,wait\na,1,\nb,2\nc,3,,\nd,4,\n')).toEqual([
      '{"id":"a","rowNumber":0}',
      '1 got 2 fields, expected 3 as in the header: b,2',
      '2 got 4 fields, expected 3 as in the header: c,3,,',
      '{"id":"d","rowNumber":3}',
    ]);
  });

  test('a stray quote damages its own line only', async () => {
    expect(await readCsv('id,second,wait\n"a,1,\nb,2,\nc"d,3,\ne,4,\n')).toEqual([
      '0 got a quote that does not close at the end of a field, expected CSV: "a,1,',
      '{"id":"b","rowNumber":1}',
      '2 got a row that is not CSV in UTF-8: c"d,3,',
      '{"id":"e","rowNumber":3}',
    ]);
  });

  test('hands on bytes that are not UTF-8 as they are', async () => {
    const bad = Buffer.from([0x61, 0xff, 0x2c, 0x31, 0x2c]);
    const content = Buffer.concat([Buffer.from('id,second,wait\nä,1,\n'), bad, Buffer.from('\nb,2,\n')]);
    const items = await readAll({ path: writeSource('rows.csv', content), builtInMappings });
    expect(items).toHaveLength(3);
    expect(textOf(items[0] ?? items[1]!)).toBe('{"id":"ä","rowNumber":0}');
    expect(Buffer.from(unwrapUnmappable(items[1]!.bytes)?.bytes ?? [])).toEqual(bad);
  });

  test('what a mapping refuses or throws makes the row unmappable and goes on', async () => {
    expect(await readCsv('id,second,wait\na,,\nbug,1,\nb,x,\nc,2,\n')).toEqual([
      '0 got no second: a,,',
      '1 mapping row v1 failed: the mapping has a bug: bug,1,',
      '2 mapping row v1 failed: got eventTimeMs NaN, expected a whole number: b,x,',
      '{"id":"c","rowNumber":3}',
    ]);
  });

  test('a file with a header alone has no items', async () => {
    expect(await readCsv('id,second,wait\n')).toEqual([]);
  });

  test.each([
    ['', 'got no rows at all'],
    ['id,id,wait\n', 'got the column "id" twice'],
    ['id,,wait\n', 'got a column without a name'],
    ['"id,second\nx\n', 'got a first row that is not CSV'],
  ])('a header %j is refused', async (content, message) => {
    await expect(readCsv(content)).rejects.toMatchObject({
      code: 'SOURCE_HEADER_BAD',
      message: expect.stringContaining(message),
    });
  });

  test('columns that fit no mapping are refused with those that were expected', async () => {
    await expect(readCsv('id,time\n')).rejects.toMatchObject({
      code: 'MAPPING_NOT_FOUND',
      message: expect.stringContaining('got the columns id, time, expected those of a mapping: row (id, second, wait)'),
    });
    const path = writeSource('rows.csv', 'id,time\n');
    await expect(openSource({ path, mapping: rowMapping })).rejects.toMatchObject({ code: 'MAPPING_COLUMNS_MISSING' });
  });
});

describe('deferred events', () => {
  test('go before the first event that is not earlier, by time, then row', async () => {
    const rows = ['a,10,5', 'b,11,4', 'c,12,1', 'd,13,', 'e,14,100', 'f,15,', 'g,16,50'];
    expect(await readCsv(`id,second,wait\n${rows.join('\n')}\n`)).toEqual([
      '{"id":"a","rowNumber":0}',
      '{"id":"b","rowNumber":1}',
      '{"id":"c","rowNumber":2}',
      '{"of":"c"}',
      '{"id":"d","rowNumber":3}',
      '{"id":"e","rowNumber":4}',
      '{"of":"a"}',
      '{"of":"b"}',
      '{"id":"f","rowNumber":5}',
      '{"id":"g","rowNumber":6}',
      '{"of":"g"}',
      '{"of":"e"}',
    ]);
  });
});

describe('a JSONL source', () => {
  const stream = [...simulatePayments({ customers: 50, terminals: 100, terminalDistanceMax: 15, days: 4 })];
  const lines = stream.map(serialiseLine);

  test('hands on topic and event byte for byte', async () => {
    const items = await readAll({ path: writeSource('events.jsonl', `${lines.join('\n')}\n`) });
    expect(items.length).toBeGreaterThan(500);
    expect(items.map(textOf)).toEqual(stream.map((item) => Buffer.from(serialise(item)).toString()));
    expect(items.map(({ topic }) => topic)).toEqual(stream.map(({ topic }) => topic));
  });

  test('takes a bare line as an authorization and leaves its bytes alone, JSON or not', async () => {
    const bare = ['{"eventId" : 1.0}', 'ping', '{"cut":', '[]', '{"topic":"x.v1"}'];
    const items = await readAll({ path: writeSource('events.ndjson', `${bare.join('\r\n')}\r\n\r\n \r\n`) });
    expect(items.map(textOf)).toEqual([...bare, ' ']);
    expect(new Set(items.map(({ topic }) => topic))).toEqual(new Set(['payments.authorization.v1']));
  });

  test.each([
    ['{ "topic" : "a.v1" , "event" : {"n":1.0} } ', '{"n":1.0} '],
    ['{"event":{"n":1.0},"topic":"a.v1"}', '{"n":1}'],
    ['{"topic":"a.v1","key":7,"event":{"n":2}}', '{"n":2}'],
    ['{"topic":"a.v1","event":{"n":3', null],
  ])('reads the envelope %s', async (line, event) => {
    const [item] = await readAll({ path: writeSource('events.jsonl', line) });
    expect(item).toEqual({ topic: event === null ? 'payments.authorization.v1' : 'a.v1', bytes: expect.anything() });
    expect(item === undefined ? null : textOf(item)).toBe(event ?? line);
  });

  test('an empty file has no items', async () => {
    expect(await readAll({ path: writeSource('events.jsonl', '') })).toEqual([]);
  });

  test('hands on a long line whole up to 1 MiB, and 64 KiB of a longer one, and keeps the lines around it', async () => {
    const long = `{"a":"${'x'.repeat(200_000)}"}`;
    const huge = 'y'.repeat(5_000_000);
    const items = await readAll({ path: writeSource('events.jsonl', `{"n":1}\n${long}\n${huge}\n{"n":2}\n${huge}`) });
    expect(items.map(({ topic }) => topic)).toEqual([
      'payments.authorization.v1',
      'payments.authorization.v1',
      'weir.unmappable.v1',
      'payments.authorization.v1',
      'weir.unmappable.v1',
    ]);
    expect(textOf(items[1]!)).toBe(long);
    expect(textOf(items[3]!)).toBe('{"n":2}');
    const kept = unwrapUnmappable(items[2]!.bytes);
    expect(kept).toMatchObject({ sourceRow: 2, message: expect.stringContaining('more than 1048576 bytes') });
    expect(kept?.bytes).toHaveLength(65_536);
  });

  test('maps objects with a mapping, and hands on other lines as unmappable', async () => {
    const content = '{"id":"a","second":1,"wait":""}\n[1]\n{"id":\n';
    const items = await readAll({ path: writeSource('rows.jsonl', content), mapping: rowMapping });
    expect(items.map(textOf)).toEqual([
      '{"id":"a","rowNumber":0}',
      '1 got a line that is not a JSON object in UTF-8: [1]',
      '2 got a line that is not a JSON object in UTF-8: {"id":',
    ]);
  });
});

describe('standard input', () => {
  async function* chunksOf(text: string, sizeBytes: number): AsyncGenerator<Uint8Array> {
    const bytes = Buffer.from(text);
    for (let start = 0; start < bytes.length; start += sizeBytes) yield bytes.subarray(start, start + sizeBytes);
  }

  test('gives the same items as a file, however its bytes are cut', async () => {
    const content = '\uFEFFid,second,wait\na,1,3\n"b\nb",2,\nc,9,\n';
    const fromFile = await readCsv(content);
    expect(fromFile).toHaveLength(4);
    for (const sizeBytes of [1, 2, 7, 1000]) {
      const standardInput = chunksOf(content, sizeBytes);
      const items = await readAll({ path: '-', format: 'csv', standardInput, builtInMappings });
      expect(items.map(textOf)).toEqual(fromFile);
    }
  });

  test('is JSONL unless told otherwise, and cannot be Parquet', async () => {
    const source = await openSource({ path: '-', standardInput: chunksOf('{"n":1}\n', 3) });
    expect(source.identity).toEqual({ path: '-', sizeBytes: null, format: 'jsonl', mapping: null });
    expect((await Array.fromAsync(source.events())).flat().map(textOf)).toEqual(['{"n":1}']);
    await expect(openSource({ path: '-', format: 'parquet' })).rejects.toMatchObject({ code: 'SOURCE_NOT_A_FILE' });
  });
});

describe('a source', () => {
  test('gives the same items when it is read again, so that a reader resumes by skipping', async () => {
    const rows = Array.from({ length: 20_000 }, (_, index) => `id${index},${index},${index % 7 === 0 ? 30 : ''}`);
    const source = await openSource({
      path: writeSource('rows.csv', `id,second,wait\n${rows.join('\n')}`),
      builtInMappings,
    });
    const first = (await Array.fromAsync(source.events())).flat().map(textOf);
    const second = (await Array.fromAsync(source.events())).flat().map(textOf);
    expect(first.length).toBe(20_000 + 2858);
    expect(second.slice(12_345)).toEqual(first.slice(12_345));
  });

  test('says what it is', async () => {
    const path = writeSource('rows.csv', 'id,second,wait\na,1,\n');
    const source = await openSource({ path, builtInMappings });
    expect(source.identity).toEqual({ path, sizeBytes: 20, format: 'csv', mapping: { name: 'row', version: 1 } });
    expect(source.rowsTotal).toBeNull();
  });

  test('a missing file and an unknown suffix are named', async () => {
    const missing = openSource({ path: join(directory, 'none.csv') });
    await expect(missing).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' });
    const unknown = openSource({ path: writeSource('rows.txt', '') });
    await expect(unknown).rejects.toMatchObject({ code: 'SOURCE_FORMAT_UNKNOWN' });
  });
});
