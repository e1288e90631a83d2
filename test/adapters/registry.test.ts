import { createServer } from 'node:http';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { openConfluentRegistry } from '../../adapters/registry/confluent-registry.ts';
import { schemaOfContract } from '../../adapters/registry/contract-schemas.ts';
import { openFileRegistry } from '../../adapters/registry/file-registry.ts';
import { parseAvro } from '../../adapters/registry/avro-type.ts';
import type { SchemaRegistry } from '../../adapters/registry/port.ts';
import { createRecordReader } from '../../adapters/registry/record-reader.ts';
import { openRecordWriter } from '../../adapters/registry/record-writer.ts';
import { authorizationContract } from '../../core/contract/authorization.ts';
import { inputContracts } from '../../core/contract/contracts.ts';
import { decode } from '../../core/decode/decode.ts';
import { frame } from '../../core/decode/wire-framing.ts';
import { sampleAuthorization } from '../contract/sample-events.ts';

const contract = authorizationContract;
const { topic } = contract;
const json = Buffer.from(JSON.stringify(sampleAuthorization));
let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'weir-registry-'));
});

afterEach(() => rmSync(dir, { recursive: true, force: true }));

function record(name: string, fields: readonly object[]): string {
  return JSON.stringify({ type: 'record', name, fields });
}

describe('a registry in a folder', () => {
  test('gives the same schema the same id, whoever registers it and however often', async () => {
    const [left, right] = [openFileRegistry(dir), openFileRegistry(dir)];
    const schema = schemaOfContract(contract, 'avro');
    const ids = await Promise.all([left, right, left].map((registry) => registry.register(`${topic}-value`, schema)));
    expect(new Set(ids).size).toBe(1);
    expect(await right.schemaOf(ids[0] ?? 0)).toEqual(schema);
    expect(readdirSync(join(dir, 'subjects', `${topic}-value`))).toEqual(['1.json']);
    expect(await left.schemaOf(1)).toBeNull();
  });

  test('refuses a version that cannot read the one before, in either language', async () => {
    const registry = openFileRegistry(dir);
    await registry.register('a', { kind: 'avro', text: record('A', [{ name: 'x', type: 'long' }]) });
    const required = {
      kind: 'avro',
      text: record('A', [
        { name: 'x', type: 'long' },
        { name: 'y', type: 'long' },
      ]),
    } as const;
    await expect(registry.register('a', required)).rejects.toMatchObject({ code: 'SCHEMA_INCOMPATIBLE' });
    const schemaOf = (properties: object, names: readonly string[]) =>
      ({
        kind: 'json',
        text: JSON.stringify({ type: 'object', properties, required: names, additionalProperties: false }),
      }) as const;
    await registry.register('j', schemaOf({ x: { type: 'integer' } }, ['x']));
    await registry.register('j', schemaOf({ x: { type: 'number' }, y: { type: 'string' } }, ['x']));
    await expect(registry.register('j', schemaOf({ x: { type: 'number' } }, ['x']))).rejects.toThrow(
      'got a schema of j that those before do not allow: backward: y: fieldRemoved',
    );
  });

  test('keeps to the mode of its settings', async () => {
    writeFileSync(join(dir, 'settings.json'), '{"compatibility":"FORWARD_TRANSITIVE"}');
    const registry = openFileRegistry(dir);
    await registry.register('a', { kind: 'avro', text: record('A', [{ name: 'x', type: 'long' }]) });
    await registry.register('a', {
      kind: 'avro',
      text: record('A', [
        { name: 'x', type: 'long' },
        { name: 'y', type: 'long' },
      ]),
    });
    const lacking = { kind: 'avro', text: record('A', [{ name: 'y', type: 'long' }]) } as const;
    await expect(registry.register('a', lacking)).rejects.toThrow(/forward: .*x/);
  });

  test('says so when its files hold something else', async () => {
    mkdirSync(join(dir, 'schemas'));
    writeFileSync(join(dir, 'schemas', '7.json'), '{"kind":"protobuf","text":""}');
    await expect(openFileRegistry(dir).schemaOf(7)).rejects.toMatchObject({ code: 'REGISTRY_REFUSED' });
  });
});

describe.each(['avro', 'json'] as const)('records in %s that carry the id of their schema', (encoding) => {
  test('are read as what was written', async () => {
    const registry = openFileRegistry(dir);
    const writer = await openRecordWriter({ contract, topic, encoding: { registry, encoding } });
    const written = writer.write(json);
    if (!written.ok) throw new Error(written.refusal.message);
    expect(written.value).toEqual(writer.encode(sampleAuthorization));
    const read = createRecordReader(registry, inputContracts);
    const [value] = await read([{ topic, offset: 5, bytes: written.value }]);
    expect(value).toMatchObject({ topic });
    expect(decode({ topic, bytes: value?.bytes ?? Buffer.of() })).toMatchObject({
      event: { event: sampleAuthorization },
    });
  });

  test('are not written when the contract refuses the event', async () => {
    const registry = openFileRegistry(dir);
    const writer = await openRecordWriter({ contract, topic, encoding: { registry, encoding } });
    const written = writer.write(Buffer.from(JSON.stringify({ ...sampleAuthorization, amountMinor: -1 })));
    expect(written).toMatchObject({ ok: false, refusal: { code: 'contractViolation' } });
  });
});

describe('a reader', () => {
  async function read(registry: SchemaRegistry, bytes: Uint8Array) {
    const [value] = await createRecordReader(registry, inputContracts)([{ topic, offset: 5, bytes }]);
    if (value === undefined) throw new Error('got nothing, expected a value');
    return { ...value, decoded: decode(value) };
  }

  test('takes what an older version wrote, with what it lacked missing', async () => {
    const registry = openFileRegistry(dir);
    const { text } = schemaOfContract(contract, 'avro');
    const current = z.looseObject({ fields: z.array(z.looseObject({ name: z.string() })) }).parse(JSON.parse(text));
    const fields = current.fields.filter(({ name }) => name !== 'deviceId' && name !== 'location');
    const older = JSON.stringify({ ...current, fields });
    const schemaId = await registry.register(`${topic}-value`, { kind: 'avro', text: older });
    const { deviceId, location, ...event } = sampleAuthorization;
    const bytes = frame({ format: 'confluent', schemaId: Number(schemaId), payload: parseAvro(older).toBuffer(event) });
    expect((await read(registry, bytes)).decoded).toMatchObject({ ok: true, event: { event } });
    expect([deviceId, location]).not.toContain(undefined);
  });

  test('takes plain JSON beside them, and what Glue has compressed', async () => {
    const registry = openFileRegistry(dir);
    expect((await read(registry, json)).decoded).toMatchObject({ ok: true });
    const id = '2f1e6a30-0000-4abc-8def-0123456789ab';
    const glue: SchemaRegistry = { ...registry, framing: 'glue', schemaOf: async () => ({ kind: 'json', text: '{}' }) };
    const bytes = frame({ format: 'glue', schemaId: id, payload: deflateSync(json) });
    bytes[1] = 5;
    expect((await read(glue, bytes)).decoded).toMatchObject({ ok: true });
  });

  test('refuses what it cannot read with the bytes and why, and loses nothing', async () => {
    const registry = openFileRegistry(dir);
    const id = await registry.register(`${topic}-value`, schemaOfContract(contract, 'avro'));
    const other = await registry.register('other', {
      kind: 'avro',
      text: record('Other', [{ name: 'x', type: 'long' }]),
    });
    const bytesOf = (schemaId: number) => frame({ format: 'confluent', schemaId, payload: Buffer.from('no avro') });
    for (const [bytes, why] of [
      [bytesOf(7), 'got schema id 7, expected one that the registry knows'],
      [bytesOf(Number(id)), `got 7 bytes that are not Avro of schema ${id}`],
      [bytesOf(Number(other)), `got schema ${other}, expected one that ${topic} can read`],
      [Uint8Array.of(0, 1), 'got 2 bytes, expected a Confluent header'],
    ] as const) {
      const { decoded } = await read(registry, bytes);
      expect(decoded).toMatchObject({ ok: false, topic, refusal: { code: 'unmappable' } });
      expect(decoded.ok ? '' : decoded.refusal.message).toContain(why);
      expect(decoded.ok ? null : Buffer.from(decoded.bytes)).toEqual(Buffer.from(bytes));
    }
  });

  test('asks again for an id that was not there, and throws when the registry is away', async () => {
    const registry = openFileRegistry(dir);
    const asked: (number | string)[] = [];
    let known: Awaited<ReturnType<SchemaRegistry['schemaOf']>> | Error = null;
    const readValue = createRecordReader(
      {
        ...registry,
        schemaOf: async (id) => {
          asked.push(id);
          if (known instanceof Error) throw known;
          return known;
        },
      },
      inputContracts,
    );
    const bytes = frame({ format: 'confluent', schemaId: 9, payload: json });
    expect((await readValue([{ topic, offset: 0, bytes }]))[0]?.topic).not.toBe(topic);
    known = new Error('away');
    await expect(readValue([{ topic, offset: 0, bytes }])).rejects.toThrow('away');
    known = { kind: 'json', text: '{}' };
    const values = [0, 1, 2].map((offset) => ({ topic, offset, bytes }));
    expect((await readValue(values)).map((value) => value.topic)).toEqual([topic, topic, topic]);
    expect(asked).toEqual([9, 9, 9]);
  });
});

test('a registry that fails is asked again, and told of when it stays away', async () => {
  let failures = 2;
  const paths: string[] = [];
  const server = createServer((request, response) => {
    paths.push(`${request.headers.authorization} ${request.method} ${request.url}`);
    if (failures-- > 0) return void response.writeHead(503).end('later');
    response.end('{"schema":"{}","schemaType":"JSON"}');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : 0;
  const registry = openConfluentRegistry(`http://user:pa%20ss@127.0.0.1:${port}/`);
  expect(await registry.schemaOf(3)).toEqual({ kind: 'json', text: '{}' });
  const credentials = `Basic ${Buffer.from('user:pa ss').toString('base64')}`;
  expect(paths).toEqual(new Array(3).fill(`${credentials} GET /schemas/ids/3`));
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
  await expect(registry.schemaOf(3)).rejects.toMatchObject({ code: 'REGISTRY_UNREACHABLE' });
});
