/** A table of the serverless run: what it is keyed by, and which variable of the environment names it. */
export type ServerlessTable = {
  readonly variable: string;
  /** The name where the variable is not set. */
  readonly name: string;
  readonly partitionKey: { readonly name: string; readonly type: 'S' | 'B' };
  readonly sortKey: { readonly name: string; readonly type: 'S' } | null;
  /** The attribute with the second since 1970 after which DynamoDB may remove an item; correctness never rests on it. */
  readonly timeToLive: string | null;
};

/** The tables that the functions read and write; all are on demand, or provisioned with auto scaling. */
export const serverlessTables = {
  /** Keyed state (a head an account, its blocks) and a fenced item a shard or partition. */
  keyedState: table('WEIR_STATE_TABLE', 'weir-state', { name: 'key', type: 'S' }),
  /** An item an accepted event, for ever: its id, its decision, the entries that it posted. */
  ledger: table('WEIR_LEDGER_TABLE', 'weir-ledger', { name: 'id', type: 'B' }),
  /** An item an answer that somebody got. */
  idempotency: {
    ...table('WEIR_IDEMPOTENCY_TABLE', 'weir-idempotency', { name: 'id', type: 'B' }),
    timeToLive: 'expiresAtS',
  },
  /** Dead letters and late events, by the partition that they came from. */
  aside: {
    ...table('WEIR_ASIDE_TABLE', 'weir-aside', { name: 'source', type: 'S' }),
    sortKey: { name: 'place', type: 'S' },
  },
} as const satisfies Readonly<Record<string, ServerlessTable>>;

/** The other variables of the environment that the functions read. */
export const serverlessVariables = {
  /** The folder with plan.json, rules.json and model.json; the bundle's own without it. */
  definition: 'WEIR_DEFINITION',
  /** The contract of records that do not name theirs. */
  contract: 'WEIR_CONTRACT',
  /** The Kinesis stream of the readings that `serve-http` takes; without it, none are. */
  telemetryStream: 'WEIR_TELEMETRY_STREAM',
  /** Where `redrive-dlq` puts letters back: `kinesis://STREAM` or `kafka://BROKERS/TOPIC[,TOPIC]`; an MSK cluster by its ARN. */
  redriveTarget: 'WEIR_REDRIVE_TARGET',
  /** The secret of AWS Secrets Manager that holds the file of keys of the API's callers. */
  apiKeysSecret: 'WEIR_API_KEYS_SECRET',
  /** How long a caller of the API waits at most, milliseconds. */
  deadlineMs: 'WEIR_DEADLINE_MS',
} as const;

function table(variable: string, name: string, partitionKey: ServerlessTable['partitionKey']): ServerlessTable {
  return { variable, name, partitionKey, sortKey: null, timeToLive: null };
}
