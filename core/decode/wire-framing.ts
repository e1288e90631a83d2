/**
 * A record's value with the id of its schema in front.
 * Confluent: a zero, the id as 4 bytes, big-endian
 * (https://docs.confluent.io/platform/current/schema-registry/fundamentals/serdes-develop/index.html#wire-format).
 * AWS Glue: 3, then 0 or 5 for what zlib has compressed, then the id of the schema's version as 16 bytes
 * (https://github.com/awslabs/aws-glue-schema-registry).
 */
export type Frame =
  | { readonly format: 'confluent'; readonly schemaId: number; readonly payload: Uint8Array }
  | { readonly format: 'glue'; readonly schemaId: string; readonly isZlib: boolean; readonly payload: Uint8Array };

const confluentMagic = 0;
const confluentHeaderBytes = 5;
const glueVersion = 3;
const glueHeaderBytes = 18;
const glueCompressions: ReadonlyMap<number, boolean> = new Map([
  [0, false],
  [5, true],
]);

/** Puts the header in front of a payload. */
export function frame({ format, schemaId, payload }: WithoutZlib): Uint8Array {
  const header = format === 'confluent' ? confluentHeader(schemaId) : glueHeader(schemaId);
  const framed = new Uint8Array(header.length + payload.length);
  framed.set(header);
  framed.set(payload, header.length);
  return framed;
}

type WithoutZlib = Extract<Frame, { format: 'confluent' }> | Omit<Extract<Frame, { format: 'glue' }>, 'isZlib'>;

function confluentHeader(schemaId: number): Uint8Array {
  if (!Number.isInteger(schemaId) || schemaId < 0 || schemaId >= 2 ** 32)
    throw new RangeError(`got schema id ${schemaId}, expected a whole number below 2^32`);
  const header = new Uint8Array(confluentHeaderBytes);
  header[0] = confluentMagic;
  new DataView(header.buffer).setUint32(1, schemaId);
  return header;
}

function glueHeader(schemaId: string): Uint8Array {
  const hex = schemaId.replaceAll('-', '');
  if (!/^[0-9a-f]{32}$/i.test(hex)) throw new RangeError(`got schema id ${schemaId}, expected a UUID`);
  const header = new Uint8Array(glueHeaderBytes);
  header[0] = glueVersion;
  for (let index = 0; index < 16; index++) header[2 + index] = Number.parseInt(hex.slice(index * 2, index * 2 + 2), 16);
  return header;
}

/** Reads the header; null where the value has none, as plain JSON has none. Throws where the header is broken. */
export function unframe(value: Uint8Array): Frame | null {
  if (value[0] === confluentMagic) {
    demand(value, 'Confluent', confluentHeaderBytes);
    const schemaId = new DataView(value.buffer, value.byteOffset).getUint32(1);
    return { format: 'confluent', schemaId, payload: value.subarray(confluentHeaderBytes) };
  }
  if (value[0] !== glueVersion) return null;
  demand(value, 'Glue', glueHeaderBytes);
  const compression = value[1] ?? -1;
  const isZlib = glueCompressions.get(compression);
  if (isZlib === undefined) throw new RangeError(`got compression ${compression} in a Glue header, expected 0 or 5`);
  const hex = Array.from(value.subarray(2, glueHeaderBytes), (byte) => byte.toString(16).padStart(2, '0')).join('');
  const schemaId = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
  return { format: 'glue', schemaId, isZlib, payload: value.subarray(glueHeaderBytes) };
}

function demand(value: Uint8Array, name: string, bytes: number): void {
  if (value.length < bytes)
    throw new RangeError(`got ${value.length} bytes, expected a ${name} header of ${bytes} and a payload`);
}
