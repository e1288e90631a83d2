import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import { WeirError } from '../../core/contract/failure.ts';
import { freePort } from '../free-port.ts';
import { startServer } from '../server-process.ts';

/** A series of an answer: its labels, and values by Unix seconds. */
export type Series = {
  readonly labels: Readonly<Record<string, string>>;
  readonly points: readonly (readonly [seconds: number, value: number])[];
};

/** Prometheus on this host, scraping once a second. */
export type PrometheusServer = {
  readonly url: string;
  /** What a query says now, a point a series. */
  readonly query: (expr: string) => Promise<readonly Series[]>;
  /** What it said between two times, Unix seconds. */
  readonly queryRange: (
    expr: string,
    range: { readonly from: number; readonly to: number; readonly step: number },
  ) => Promise<readonly Series[]>;
  /** The names of the rules that it has loaded, with what went wrong in each, if anything did. */
  readonly rules: () => Promise<ReadonlyMap<string, string | null>>;
  readonly stop: () => Promise<void>;
};

const run = promisify(execFile);
const program = '/usr/bin/prometheus';
const outputBytesMax = 64 * 1024 * 1024;

/**
 * Starts Prometheus (Debian's package 2.42) over jobs whose targets are HOST:PORT, and files of rules; as root it installs the package
 * the first time. Throws `ENGINE_MISSING` where it is not installed and cannot be, `ENGINE_FAILED`.
 */
export async function startPrometheus(options: {
  readonly jobs: Readonly<Record<string, { readonly targets: readonly string[]; readonly bearer?: string }>>;
  readonly ruleFiles?: readonly string[];
}): Promise<PrometheusServer> {
  await demand();
  const { jobs, ruleFiles = [] } = options;
  const dir = mkdtempSync(join(tmpdir(), 'weir-prometheus-'));
  const port = await freePort();
  const config = {
    global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
    rule_files: ruleFiles,
    scrape_configs: Object.entries(jobs).map(([name, { targets, bearer }]) => ({
      job_name: name,
      static_configs: [{ targets }],
      ...(bearer === undefined ? {} : { authorization: { credentials: bearer } }),
    })),
  };
  writeFileSync(join(dir, 'prometheus.yml'), JSON.stringify(config));
  const server = await startServer({
    name: 'Prometheus',
    command: program,
    args: [
      `--config.file=${join(dir, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(dir, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    readyLine: 'Server is ready to receive web requests',
    startMs: 60_000,
    stopMs: 10_000,
  });
  const url = `http://127.0.0.1:${port}`;
  return {
    url,
    query: async (expr) => seriesOf(await ask(url, 'query', { query: expr })),
    queryRange: async (expr, { from, to, step }) =>
      seriesOf(
        await ask(url, 'query_range', { query: expr, start: String(from), end: String(to), step: String(step) }),
      ),
    rules: async () => rulesOf(await ask(url, 'rules', {})),
    stop: async () => {
      await server.stop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

const point = z.tuple([z.number(), z.string().transform(Number)]);
const answerSchema = z.object({
  result: z.array(
    z.object({ metric: z.record(z.string(), z.string()), value: point.optional(), values: z.array(point).optional() }),
  ),
});
const rulesSchema = z.object({
  groups: z.array(z.object({ rules: z.array(z.object({ name: z.string(), lastError: z.string().optional() })) })),
});

async function ask(url: string, what: string, asked: Readonly<Record<string, string>>): Promise<unknown> {
  const parameters = new URLSearchParams(asked).toString();
  const response = await fetch(`${url}/api/v1/${what}?${parameters}`);
  const body = z
    .object({ status: z.string(), error: z.string().optional(), data: z.unknown() })
    .parse(await response.json());
  if (body.status === 'success') return body.data;
  throw new WeirError({
    code: 'ENGINE_FAILED',
    message: `got ${body.error ?? response.status} for ${asked['query'] ?? what}, expected an answer of Prometheus`,
    fix: 'Correct the query.',
  });
}

function seriesOf(data: unknown): readonly Series[] {
  return answerSchema.parse(data).result.map(({ metric, value, values }) => ({
    labels: metric,
    points: values ?? (value === undefined ? [] : [value]),
  }));
}

function rulesOf(data: unknown): ReadonlyMap<string, string | null> {
  const rules = rulesSchema.parse(data).groups.flatMap((group) => group.rules);
  return new Map(rules.map(({ name, lastError }) => [name, lastError ?? null]));
}

async function demand(): Promise<void> {
  if (existsSync(program)) return;
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  try {
    await run('apt-get', ['update'], { env });
    const install = ['install', '-y', '--no-install-recommends', 'prometheus'];
    await run('apt-get', install, { env, maxBuffer: outputBytesMax });
  } catch (cause) {
    throw new WeirError({
      code: 'ENGINE_MISSING',
      message: `got no program ${program}, expected Prometheus`,
      fix: 'Install it, such as by: apt-get install prometheus',
      cause,
    });
  }
}
