import { inflateSync } from 'node:zlib';
import type { Type } from 'avsc';
import { fromAvro } from '../../core/contract/avro-schema.ts';
import type { Contract } from '../../core/contract/contract.ts';
import { unmappableTopic } from '../../core/contract/unmappable-header.ts';
import { contractShape, type FieldShape } from '../../core/contract/shape.ts';
import { wrapUnmappable } from '../../core/decode/unmappable.ts';
import { type Frame, unframe } from '../../core/decode/wire-framing.ts';
import { parseAvro } from './avro-type.ts';
import { schemaOfContract } from './contract-schemas.ts';
import type { RegisteredSchema, SchemaRegistry } from './port.ts';

/** A record as it came: the contract of its topic, its offset and its value. */
export type IncomingValue = { readonly topic: string; readonly offset: number; readonly bytes: Uint8Array };

/** Reads values: gives the topic and the JSON of each, as the engine takes them. */
export type RecordReader = (
  values: readonly IncomingValue[],
) => Promise<readonly { readonly topic: string; readonly bytes: Uint8Array }[]>;

/** What zlib may make of one record, bytes. */
const inflatedBytesMax = 16 * 2 ** 20;

/** Takes values as they are. */
export const plainReader: RecordReader = (values) => Promise.resolve(values);

/**
 * Reads values that carry the id of their schema, and plain JSON beside them. Values of every version that the contract's
 * reader understands are taken. What cannot be read goes on as a record without an event, with its bytes and why. Throws
 * `REGISTRY_UNREACHABLE`: nothing is refused because a registry is away.
 */
export function createRecordReader(registry: SchemaRegistry, contracts: ReadonlyMap<string, Contract>): RecordReader {
  const readers = new Map<string, Promise<ReadPayload>>();
  const readerOf = async (topic: string, schemaId: Frame['schemaId']): Promise<ReadPayload> => {
    const key = `${topic} ${schemaId}`;
    const known = readers.get(key);
    if (known !== undefined) return known;
    const opening = openReader({ registry, contract: contracts.get(topic), schemaId });
    readers.set(key, opening);
    try {
      const reader = await opening;
      // A schema may be registered a moment after its first record is read.
      if (reader.isUnknown) readers.delete(key);
      return reader;
    } catch (error) {
      readers.delete(key);
      throw error;
    }
  };
  return async (values) => {
    const read: { readonly topic: string; readonly bytes: Uint8Array }[] = [];
    for (const value of values) read.push(await readValue(value, readerOf));
    return read;
  };
}

type ReadPayload = { readonly read: (payload: Uint8Array) => Uint8Array; readonly isUnknown: boolean };

async function readValue(
  value: IncomingValue,
  readerOf: (topic: string, schemaId: Frame['schemaId']) => Promise<ReadPayload>,
): Promise<{ readonly topic: string; readonly bytes: Uint8Array }> {
  const { topic, offset, bytes } = value;
  const refuse = (error: unknown) => {
    const message = error instanceof Error ? error.message : String(error);
    const wrapped = wrapUnmappable({ topic, sourceRow: offset, message, issues: [], bytes });
    return { topic: unmappableTopic, bytes: wrapped };
  };
  let framed: Frame | null;
  try {
    framed = unframe(bytes);
  } catch (error) {
    return refuse(error);
  }
  if (framed === null) return value;
  const reader = await readerOf(topic, framed.schemaId);
  try {
    const isZlib = framed.format === 'glue' && framed.isZlib;
    const payload = isZlib ? inflateSync(framed.payload, { maxOutputLength: inflatedBytesMax }) : framed.payload;
    return { topic, bytes: reader.read(payload) };
  } catch (error) {
    return refuse(error);
  }
}

async function openReader(options: {
  readonly registry: SchemaRegistry;
  readonly contract: Contract | undefined;
  readonly schemaId: Frame['schemaId'];
}): Promise<ReadPayload> {
  const { registry, contract, schemaId } = options;
  const written = await registry.schemaOf(schemaId);
  if (written === null) {
    return { isUnknown: true, read: failing(`got schema id ${schemaId}, expected one that the registry knows`) };
  }
  if (written.kind === 'json' || contract === undefined) return { isUnknown: false, read: (payload) => payload };
  try {
    return { isUnknown: false, read: avroReader(contract, { schemaId, written }) };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return {
      isUnknown: false,
      read: failing(`got schema ${schemaId}, expected one that ${contract.topic} can read: ${why}`),
    };
  }
}

function failing(message: string): ReadPayload['read'] {
  return () => {
    throw new Error(message);
  };
}

/** Resolves the writer's version to the contract's: fields that it has not are null, fields that it has beside are left. */
function avroReader(
  contract: Contract,
  { schemaId, written }: { readonly schemaId: Frame['schemaId']; readonly written: RegisteredSchema },
): ReadPayload['read'] {
  const reader: Type = parseAvro(schemaOfContract(contract, 'avro').text);
  const resolver = reader.createResolver(parseAvro(written.text));
  const { fields }: { readonly fields: Readonly<Record<string, FieldShape>> } = contractShape(contract);
  return (payload) => {
    let value: unknown;
    try {
      value = reader.fromBuffer(Buffer.from(payload.buffer, payload.byteOffset, payload.length), resolver);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new Error(`got ${payload.length} bytes that are not Avro of schema ${schemaId}: ${why}`, { cause: error });
    }
    return Buffer.from(JSON.stringify(fromAvro(fields, { ...(value as object) })));
  };
}
