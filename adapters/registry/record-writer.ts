import { toAvro } from '../../core/contract/avro-schema.ts';
import type { Contract } from '../../core/contract/contract.ts';
import { contractShape } from '../../core/contract/shape.ts';
import { decodeFields } from '../../core/decode/decode-contract.ts';
import type { Refusal } from '../../core/decode/refusal.ts';
import { frame } from '../../core/decode/wire-framing.ts';
import { parseAvro } from './avro-type.ts';
import { schemaOfContract } from './contract-schemas.ts';
import type { RegisteredSchema, SchemaId, SchemaRegistry } from './port.ts';

/** Writes events of one contract as the values of records. */
export type RecordWriter = {
  /** The value of an event that is known to keep the contract. */
  readonly encode: (event: object) => Uint8Array;
  /** What stands before its JSON in a value; null where values are not JSON. */
  readonly jsonPrefix: Uint8Array | null;
  /** The value of an event as JSON, checked: what the contract refuses is not written. */
  readonly write: (
    json: Uint8Array,
  ) =>
    | { readonly ok: true; readonly value: Uint8Array; readonly event: Readonly<Record<string, unknown>> }
    | { readonly ok: false; readonly refusal: Refusal };
};

/** How values are written: plain JSON without an id, or as a registry says. */
export type RecordEncoding = null | {
  readonly registry: SchemaRegistry;
  readonly encoding: RegisteredSchema['kind'];
};

/** Registers the contract's schema as `TOPIC-value`, and gives the writer. Throws `SCHEMA_INCOMPATIBLE`. */
export async function openRecordWriter(options: {
  readonly contract: Contract;
  /** The topic's name, which is the contract's or ends with it. */
  readonly topic: string;
  readonly encoding: RecordEncoding;
}): Promise<RecordWriter> {
  const { contract, topic, encoding } = options;
  const { encodeEvent, wrap } = encoding === null ? plain : await framed(contract, topic, encoding);
  const known = new Map([[contract.topic, contract]]);
  return {
    encode: (event) => wrap(encodeEvent(event)),
    jsonPrefix: encoding?.encoding === 'avro' ? null : wrap(new Uint8Array()),
    write: (json) => {
      const decoded = decodeFields(known, { topic: contract.topic, bytes: json });
      if (!decoded.ok) return { ok: false, refusal: decoded.refusal };
      const { event } = decoded;
      const payload = encoding?.encoding === 'avro' ? encodeEvent(event) : json;
      return { ok: true, value: wrap(payload), event };
    },
  };
}

type Steps = {
  readonly encodeEvent: (event: object) => Uint8Array;
  readonly wrap: (payload: Uint8Array) => Uint8Array;
};

const encodeJson = (event: object): Uint8Array => Buffer.from(JSON.stringify(event));
const plain: Steps = { encodeEvent: encodeJson, wrap: (payload) => payload };

async function framed(contract: Contract, topic: string, encoding: NonNullable<RecordEncoding>): Promise<Steps> {
  const { registry, encoding: kind } = encoding;
  const schema = schemaOfContract(contract, kind);
  const wrap = wrapOf(await registry.register(`${topic}-value`, schema));
  if (kind === 'json') return { encodeEvent: encodeJson, wrap };
  const type = parseAvro(schema.text);
  const { fields } = contractShape(contract);
  return { encodeEvent: (event) => type.toBuffer(toAvro(fields, { ...event })), wrap };
}

function wrapOf(schemaId: SchemaId): Steps['wrap'] {
  if (typeof schemaId === 'number') return (payload) => frame({ format: 'confluent', schemaId, payload });
  return (payload) => frame({ format: 'glue', schemaId, payload });
}
