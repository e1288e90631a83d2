/** What a registry calls a schema: Confluent's whole number, or Glue's UUID of a version. */
export type SchemaId = number | string;

/** A schema as it is registered: its language and its text. */
export type RegisteredSchema = { readonly kind: 'avro' | 'json'; readonly text: string };

/** Where schemas are known by an id that records carry. Failures are `WeirError`s, see `registry-failure.ts`. */
export type SchemaRegistry = {
  /** How records carry the id. */
  readonly framing: 'confluent' | 'glue';
  /**
   * The id of a schema of a subject, such as `payments.authorization.v1-value`: registered anew when it is not there.
   * Throws `SCHEMA_INCOMPATIBLE` when the subject's mode refuses it.
   */
  readonly register: (subject: string, schema: RegisteredSchema) => Promise<SchemaId>;
  /** The schema of an id; null when the registry has none. */
  readonly schemaOf: (id: SchemaId) => Promise<RegisteredSchema | null>;
};
