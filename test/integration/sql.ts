import { DuckDBInstance } from '@duckdb/node-api';

export type SqlRow = Readonly<Record<string, unknown>>;

/** An in-memory DuckDB on one thread: the independent reader and calculator of these tests. */
export async function openSql(): Promise<{ query: (sql: string) => Promise<SqlRow[]>; close: () => void }> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '2', memory_limit: '4GB' });
  const connection = await instance.connect();
  await connection.run("SET TimeZone = 'UTC'");
  return {
    query: async (sql) => (await connection.runAndReadAll(sql)).getRowObjectsJS(),
    close: () => {
      connection.closeSync();
      instance.closeSync();
    },
  };
}

/** A table function over all files of a lake table; `false` when it has none. */
export function lakeTable(dir: string, table: string): string {
  return `read_parquet('${dir}/lake/${table}/**/*.parquet', hive_partitioning = false, union_by_name = true)`;
}
