import { execFile } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { WeirError } from '../../core/contract/failure.ts';
import { freePort } from '../free-port.ts';
import { startServer } from '../server-process.ts';

/** PostgreSQL on this host, with logical decoding. */
export type PostgresServer = {
  readonly port: number;
  readonly user: string;
  readonly database: string;
  /** Runs statements, each in a transaction of its own unless they say otherwise; what they return, a line a row. */
  readonly run: (sql: string) => Promise<string>;
  readonly stop: () => Promise<void>;
};

const run = promisify(execFile);
const packageName = 'postgresql-15';
const programs = '/usr/lib/postgresql/15/bin';
const user = 'postgres';
const database = 'postgres';
const outputBytesMax = 64 * 1024 * 1024;

/**
 * Starts PostgreSQL 15 over a data directory of its own, which goes with it, and waits until it takes requests; as root it
 * installs Debian's package the first time. Throws `ENGINE_MISSING` where it is not installed and cannot be, `ENGINE_FAILED`.
 */
export async function startPostgres(): Promise<PostgresServer> {
  await demand();
  const dir = mkdtempSync(join(tmpdir(), 'weir-postgres-'));
  const data = join(dir, 'data');
  const owner = await ownerOf();
  // The server refuses to run as root; what it writes belongs to the user that its package made.
  if (owner !== null) chownSync(dir, owner.uid, owner.gid);
  await as(owner, [join(programs, 'initdb'), '-D', data, '-U', user, '-A', 'trust', '-E', 'UTF8', '--locale=C', '-N']);
  const port = await freePort();
  writeFileSync(join(data, 'postgresql.auto.conf'), settingsOf(port, dir));
  const [command = '', ...args] = commandAs(owner, [join(programs, 'postgres'), '-D', data]);
  const server = await startServer({
    name: 'PostgreSQL 15',
    command,
    args,
    readyLine: 'database system is ready to accept connections',
    startMs: 60_000,
    stopMs: 10_000,
  });
  const connection = ['-h', '127.0.0.1', '-p', String(port), '-U', user, '-d', database];
  return {
    port,
    user,
    database,
    run: async (sql) => {
      const file = join(dir, 'statements.sql');
      writeFileSync(file, sql);
      const psql = ['-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', ...connection, '-f', file];
      const { stdout } = await run(join(programs, 'psql'), psql, { maxBuffer: outputBytesMax });
      return stdout;
    },
    stop: async () => {
      // A fast shutdown; what the server is sent otherwise waits for its clients.
      const stopping = [join(programs, 'pg_ctl'), '-D', data, 'stop', '-m', 'fast', '-t', '20'];
      await as(owner, stopping).catch(() => undefined);
      await server.stop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

function settingsOf(port: number, dir: string): string {
  const settings = {
    listen_addresses: '127.0.0.1',
    port,
    unix_socket_directories: dir,
    wal_level: 'logical',
    max_wal_senders: 4,
    max_replication_slots: 4,
    fsync: 'off',
    track_commit_timestamp: 'on',
    timezone: 'UTC',
    lc_messages: 'C',
  };
  return Object.entries(settings)
    .map(([name, value]) => `${name} = '${value}'\n`)
    .join('');
}

type Owner = { readonly uid: number; readonly gid: number };

/** The user that the server runs as, null where it may run as we do. */
async function ownerOf(): Promise<Owner | null> {
  if (process.getuid?.() !== 0) return null;
  const [uid, gid] = await Promise.all(['-u', '-g'].map(async (flag) => (await run('id', [flag, user])).stdout));
  return { uid: Number(uid), gid: Number(gid) };
}

function commandAs(owner: Owner | null, command: readonly string[]): readonly string[] {
  if (owner === null) return command;
  return ['setpriv', `--reuid=${owner.uid}`, `--regid=${owner.gid}`, '--clear-groups', ...command];
}

async function as(owner: Owner | null, command: readonly string[]): Promise<void> {
  const [program = '', ...args] = commandAs(owner, command);
  await run(program, args, { cwd: '/' });
}

async function demand(): Promise<void> {
  const postgres = join(programs, 'postgres');
  if (existsSync(postgres)) return;
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  try {
    await run('apt-get', ['update'], { env });
    await run('apt-get', ['install', '-y', '--no-install-recommends', packageName], { env, maxBuffer: outputBytesMax });
  } catch (cause) {
    throw new WeirError({
      code: 'ENGINE_MISSING',
      message: `got no program ${postgres}, expected PostgreSQL 15`,
      fix: `Install it, such as by: apt-get install ${packageName}`,
      facts: { program: postgres },
      cause,
    });
  }
}
