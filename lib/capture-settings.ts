/** What DMS writes beside the rows, so that what is read of it is whole: settings of the endpoint of the stream. */
export const dmsStreamSettings = {
  /** One record a line, without blanks. */
  messageFormat: 'json-unformatted',
  /** The commit's time, the transaction and the number in it: what a version is ordered and named by. */
  includeTransactionDetails: true,
  includePartitionValue: true,
  /** Keys of two tables are two keys. */
  partitionIncludeSchemaTable: true,
  /** Changes of tables and columns come as control records, which are passed over and not misread as rows. */
  includeTableAlterOperations: true,
  includeControlDetails: true,
  /** A column that became null is told apart from one that is not there. */
  includeNullAndEmpty: true,
  noHexPrefix: true,
} as const;

/** The settings of the replication: rows first, then changes, in order, with the row before. */
export const dmsTaskSettings = {
  TargetMetadata: {
    SupportLobs: true,
    FullLobMode: false,
    LimitedSizeLobMode: true,
    LobMaxSize: 64,
    // Threads apply changes beside each other: a row's own would come in any order.
    ParallelApplyThreads: 0,
    BatchApplyEnabled: false,
  },
  FullLoadSettings: { TargetTablePrepMode: 'DO_NOTHING', StopTaskCachedChangesApplied: false },
  BeforeImageSettings: { EnableBeforeImage: true, FieldName: 'before-image', ColumnFilter: 'non-lob' },
  ErrorBehavior: {
    FailOnNoTablesCaptured: true,
    FailOnTransactionConsistencyBreached: true,
    RecoverableErrorCount: -1,
  },
  Logging: { EnableLogging: true },
} as const;

/** Takes the tables, each `schema.table`, and no other. */
export function dmsTableMappings(tables: readonly string[]): { readonly rules: readonly unknown[] } {
  const rules = tables.map((table, index) => {
    const [schema = '', name = ''] = table.split('.');
    return {
      'rule-type': 'selection',
      'rule-id': String(index + 1),
      'rule-name': table,
      'object-locator': { 'schema-name': schema, 'table-name': name },
      'rule-action': 'include',
      filters: [],
    };
  });
  return { rules };
}

/** Before the names of Debezium's topics. */
const changesPrefix = 'changes';

/** Settings of Debezium's connector that its records' shape follows from; numbers and times are told by the schema. */
export const debeziumRecordSettings = {
  'connector.class': 'io.debezium.connector.postgresql.PostgresConnector',
  'plugin.name': 'pgoutput',
  'topic.prefix': changesPrefix,
  'snapshot.mode': 'initial',
} as const;

/** How Connect writes records: JSON with its schema, which is how decimals and times are told. */
export const debeziumConverters = {
  'key.converter': 'org.apache.kafka.connect.json.JsonConverter',
  'key.converter.schemas.enable': 'true',
  'value.converter': 'org.apache.kafka.connect.json.JsonConverter',
  'value.converter.schemas.enable': 'true',
} as const;
