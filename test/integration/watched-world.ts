import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { platformaticDriver } from '../../adapters/kafka/platformatic.ts';
import type { KafkaDriver } from '../../adapters/kafka/port.ts';
import { startBroker } from '../../engines/kafka/broker.ts';
import { type PrometheusServer, startPrometheus } from '../../engines/prometheus/server.ts';
import { assemble } from '../../runtime/assemble.ts';
import { overPartitions } from '../../runtime/foreign-assembly.ts';
import { boardsDir } from '../../scripts/boards.ts';
import { drawBoard, type DrawnPanel } from '../../scripts/draw-board.ts';
import { sampleAuthorization } from '../contract/sample-events.ts';
import { until } from './eventually.ts';
import { createForeignTopics, createForeignWorld, feed, foreignLog, internalTopics } from './foreign-world.ts';
import { runThrough } from './kafka-scenario.ts';
import type { Reading } from './kafka-reading.ts';
import { authorizations, record } from './kafka-world.ts';

/** What was seen of a worker and an API at work, and by whom. */
export type Watched = {
  readonly prometheus: PrometheusServer;
  /** When both were under load, Unix seconds. */
  readonly from: number;
  readonly to: number;
};

const partitions = 4;
/** How often, between chunks of payments, what must not be taken is sent. */
export const badTimes = 8;

/**
 * Runs a worker on a real broker and a score API under load, scraped by a real Prometheus, then tells of what it saw. Gives what
 * the worker said.
 */
export async function watchWorld(look: (watched: Watched) => Promise<void>): Promise<readonly string[]> {
  const dir = mkdtempSync(join(tmpdir(), 'weir-watched-'));
  const world = createForeignWorld(partitions);
  const { plan } = overPartitions(await assemble(world.files), partitions).weir.features;
  const broker = await startBroker({ dir: join(dir, 'broker') });
  const driver = platformaticDriver({ clientId: 'weir-watched', bootstrap: [broker.bootstrap] });
  const admin = await driver.openAdmin();
  const api = await startApi(join(dir, 'api'));
  try {
    const topics = await createForeignTopics(admin, partitions);
    const scenario = {
      driver,
      world,
      bootstrap: broker.bootstrap,
      payments: `${topics.payments},${topics.disputes}`,
      decisions: foreignLog.events,
      internal: internalTopics(plan, partitions),
      more: ['--metrics-port=0', '--metric-lines'],
    };
    const { lines } = await runThrough(scenario, async ({ plan: { group }, workers: [worker], reading }) => {
      if (worker === undefined) throw new Error('got no worker, expected one');
      await worker.said(/metrics at/);
      const [, target = ''] = /metrics at http:\/\/([^/]+)/.exec(worker.lines.join('\n')) ?? [];
      const prometheus = await startPrometheus({
        jobs: {
          'weir-workers': { targets: [target] },
          'weir-api': { targets: [new URL(api.url).host], bearer: api.key },
        },
        ruleFiles: [resolve(boardsDir, 'weir-alerts.json')],
      });
      try {
        const from = Date.now() / 1000;
        const asking = api.ask(1500);
        const feeding = feed({ driver, admin, topics, group, partitions, reading });
        await sendBad(driver, { topic: topics.payments, reading });
        await Promise.all([asking, feeding]);
        // Whatever was counted last has been scraped.
        await api.ask(1);
        const [last] = await prometheus.query('timestamp(up)');
        await untilScrapedAfter(prometheus, last?.points[0]?.[1] ?? 0);
        await look({ prometheus, from, to: Date.now() / 1000 });
      } finally {
        await prometheus.stop();
      }
    });
    return lines;
  } finally {
    await api.stop();
    await admin.close();
    await broker.stop();
    rmSync(dir, { recursive: true, force: true });
    rmSync(world.dir, { recursive: true, force: true });
  }
}

/** What is no event, and payments again: as they were, and with another terminal, which is a conflict. */
async function sendBad(
  driver: KafkaDriver,
  { topic, reading }: { readonly topic: string; readonly reading: Reading },
): Promise<void> {
  const producer = await driver.openProducer();
  for (let times = 1; times <= badTimes; times++) {
    await reading.until(() => reading.records.length >= times * foreignLog.chunk);
    const from = times * foreignLog.chunk - 90;
    const { accounts, apartMs, firstMs } = foreignLog;
    const eventTimeMs = (number: number): number => firstMs + number * apartMs;
    const again = authorizations(topic, { from, count: 90, accounts, partitions, eventTimeMs });
    const none = record(topic, times % partitions, { key: 'none', value: 'no event' });
    await producer.send([...again, none]);
  }
  await producer.close();
}

function untilScrapedAfter({ query }: PrometheusServer, seconds: number): Promise<void> {
  return until(async () => {
    const scraped = await query('min(timestamp(up))');
    return (scraped[0]?.points[0]?.[1] ?? 0) > seconds + 2;
  });
}

/** `weir serve`, with a way to ask it. */
async function startApi(out: string): Promise<{
  readonly url: string;
  readonly key: string;
  readonly ask: (times: number) => Promise<void>;
  readonly stop: () => Promise<void>;
}> {
  const args = ['bin/weir.ts', 'serve', '--out', out, '--port', '0', '--json'];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  for await (const line of createInterface({ input: child.stdout })) {
    text += line;
    if (line === '}') break;
  }
  const { url, key } = z.object({ url: z.string(), key: z.string() }).parse(JSON.parse(text));
  const firstMs = Date.now() - 3_600_000;
  let asked = 0;
  const askOnce = async (): Promise<void> => {
    const number = asked++;
    // Two seconds apart, so that what they are decided on is soon final.
    const eventTimeMs = firstMs + number * 2000;
    const event = { ...sampleAuthorization, eventId: `p${number}`, accountId: `a${number % 50}`, eventTimeMs };
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
    const body = JSON.stringify(event);
    const answer = await fetch(`${url}/v1/authorizations:score`, { method: 'POST', headers, body });
    if (answer.status !== 200) throw new Error(`got ${answer.status}, expected 200: ${await answer.text()}`);
  };
  return {
    url,
    key,
    ask: async (times) => {
      for (let left = times; left > 0; left--) await askOnce();
    },
    stop: async () => {
      child.kill('SIGKILL');
      await once(child, 'close');
    },
  };
}

/** Draws a board of `docs/grafana` with what Prometheus saw. */
export async function drawWatched(name: string, { prometheus, from, to }: Watched): Promise<string> {
  const board = boardFile.parse(JSON.parse(readFileSync(join(boardsDir, name), 'utf8')));
  const panels: DrawnPanel[] = [];
  for (const { title, description, fieldConfig, targets } of board.panels) {
    const { unit, thresholds } = fieldConfig.defaults;
    const lines: DrawnPanel['lines'][number][] = [];
    for (const { expr, legendFormat } of targets) {
      const series = await prometheus.queryRange(expr.replaceAll('$__rate_interval', '5s'), { from, to, step: 1 });
      for (const { labels, points } of series)
        lines.push({
          name: legendFormat.replaceAll(/\{\{(\w+)\}\}/g, (_, label: string) => labels[label] ?? 'none'),
          points,
        });
    }
    const limits = thresholds.steps.flatMap(({ value }) => value ?? []);
    panels.push({ title, help: description.split('\n')[0] ?? '', unit, limits, lines });
  }
  return drawBoard(board.title, panels, { from, to });
}

const boardFile = z.object({
  title: z.string(),
  panels: z.array(
    z.object({
      title: z.string(),
      description: z.string(),
      fieldConfig: z.object({
        defaults: z.object({
          unit: z.string(),
          thresholds: z.object({ steps: z.array(z.object({ value: z.number().nullable() })) }),
        }),
      }),
      targets: z.array(z.object({ expr: z.string(), legendFormat: z.string() })),
    }),
  ),
});
