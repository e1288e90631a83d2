import { z } from 'zod';
import { compareFieldSets } from '../../core/contract/compatibility.ts';
import { type CompatibilityMode, comparisonsOf } from '../../core/contract/compatibility-mode.ts';
import { fieldsOfJsonSchema } from '../../core/contract/shape.ts';
import { parseAvro } from './avro-type.ts';
import type { RegisteredSchema } from './port.ts';

/** What is looked at field by field. */
const jsonSchema = z.custom<z.core.JSONSchema.BaseSchema>((value) => typeof value === 'object' && value !== null);

/** Why a schema may not follow those of a subject, oldest first; null when it may. */
export function whyNotAfter(
  mode: CompatibilityMode,
  {
    subject,
    schema,
    earlier,
  }: {
    readonly subject: string;
    readonly schema: RegisteredSchema;
    readonly earlier: readonly RegisteredSchema[];
  },
): string | null {
  for (const { direction, writer, reader } of comparisonsOf(mode, { earlier, latest: schema })) {
    const why = whyNotRead(subject, { writer, reader });
    if (why !== null) return `${direction}: ${why}`;
  }
  return null;
}

/** Why a reader of one schema cannot read what was written by another; null when it can. */
function whyNotRead(
  subject: string,
  { writer, reader }: { readonly writer: RegisteredSchema; readonly reader: RegisteredSchema },
): string | null {
  if (writer.kind !== reader.kind) return `it was ${writer.kind}, and is ${reader.kind}`;
  if (writer.kind === 'json') {
    const [first] = compareFieldSets(subject, { writer: fieldsOf(writer), reader: fieldsOf(reader) });
    return first === undefined ? null : `${first.field}: ${first.rule}`;
  }
  try {
    parseAvro(reader.text).createResolver(parseAvro(writer.text));
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function fieldsOf({ text }: RegisteredSchema): ReturnType<typeof fieldsOfJsonSchema> {
  return fieldsOfJsonSchema(jsonSchema.parse(JSON.parse(text)), 'schema');
}
