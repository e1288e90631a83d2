import { Arn, type Stack } from 'aws-cdk-lib';
import { type IGrantable, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Config } from './config.ts';

/** A table: what it is keyed by, and which variable of the environment names it to a function. */
export type StateTable = {
  readonly variable: string;
  readonly suffix: string;
  readonly partitionKey: { readonly name: string; readonly type: 'S' | 'B' };
  readonly sortKey: { readonly name: string; readonly type: 'S' } | null;
  readonly timeToLive: string | null;
};

/** The tables of the functions, as their adapter keys them. */
export const stateTables = {
  /** Keyed state, an item an account and its blocks; and a fenced item a shard or partition, which is its lease. */
  KeyedState: table('WEIR_STATE_TABLE', 'state', { name: 'key', type: 'S' }),
  /** An item an accepted event, for ever. */
  Ledger: table('WEIR_LEDGER_TABLE', 'ledger', { name: 'id', type: 'B' }),
  /** An item an answer that somebody got. */
  Idempotency: {
    ...table('WEIR_IDEMPOTENCY_TABLE', 'idempotency', { name: 'id', type: 'B' }),
    timeToLive: 'expiresAtS',
  },
  /** Dead letters and late events, by the partition that they came from. */
  Aside: {
    ...table('WEIR_ASIDE_TABLE', 'aside', { name: 'source', type: 'S' }),
    sortKey: { name: 'place', type: 'S' },
  },
} as const satisfies Readonly<Record<string, StateTable>>;

/** Who reads which shard: of the workers on Kinesis. */
export const leasesTable: StateTable = {
  ...table('', 'leases', { name: 'groupKey', type: 'S' }),
  sortKey: { name: 'shardId', type: 'S' },
};

/** The name of a table in the account. */
export function tableNameOf({ name }: Pick<Config, 'name'>, { suffix }: StateTable): string {
  return `${name}-${suffix}`;
}

/** The variables that name the tables to a function. */
export function tableVariables(config: Config): Record<string, string> {
  return Object.fromEntries(
    Object.values(stateTables).map((one: StateTable) => [one.variable, tableNameOf(config, one)]),
  );
}

/** What the functions ask of the tables of their state: a transaction is allowed by what its parts are. */
const stateActions = ['GetItem', 'BatchGetItem', 'PutItem', 'UpdateItem', 'DeleteItem'] as const;

/** May do so much with the items of tables: never a scan, nor the delete of a table. */
export function grantTables(
  stack: Stack,
  {
    config,
    grantee,
    tables,
    actions = stateActions,
  }: {
    readonly config: Config;
    readonly grantee: IGrantable;
    readonly tables: readonly StateTable[];
    /** Of DynamoDB, without its name. */
    readonly actions?: readonly string[];
  },
): void {
  const resources = tables.map((one) => tableArn(stack, config, one));
  grantee.grantPrincipal.addToPrincipalPolicy(
    new PolicyStatement({ actions: actions.map((action) => `dynamodb:${action}`), resources }),
  );
}

function table(variable: string, suffix: string, partitionKey: StateTable['partitionKey']): StateTable {
  return { variable, suffix, partitionKey, sortKey: null, timeToLive: null };
}

/** The ARN of a table. */
export function tableArn(stack: Stack, config: Config, one: StateTable): string {
  return Arn.format({ service: 'dynamodb', resource: 'table', resourceName: tableNameOf(config, one) }, stack);
}
