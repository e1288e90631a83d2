import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { z } from 'zod';
import type { Callers } from '../../adapters/http/api-keys.ts';
import type { DecisionAnswer } from '../../adapters/http/port.ts';
import { readRegistry } from '../../adapters/files/registry-file.ts';
import { withPath } from '../../adapters/files/failure.ts';
import type { DecisionView } from '../../core/contract/decision-view.ts';
import { WeirError } from '../../core/contract/failure.ts';
import { iso20022Action } from '../../core/score/iso20022.ts';
import { assemble } from '../../runtime/assemble.ts';
import { claimManifest } from '../../runtime/manifest.ts';
import type { TelemetryIntake } from '../../runtime/telemetry-intake.ts';
import { type DecisionRow, findDecision } from '../find-decision.ts';
import { engineTotalsOf } from '../engine-totals.ts';
import { formatCount } from '../format.ts';
import { listenForInterruption } from '../interruption.ts';
import { addExamples, exitCodes, type Invocation, jsonOption, wholeNumber } from '../invocation.ts';
import { remark, say, sayJson } from '../terminal.ts';
import { addWeirFileOptions, weirFilesOf, type WeirFileOptions } from '../weir-files.ts';
import { tellRecovery } from '../weir-session.ts';

type ServeOptions = WeirFileOptions & {
  readonly out: string;
  readonly host: string;
  readonly port: number;
  readonly keys?: string;
  readonly deadlineMs: number;
  readonly cutRecords: number;
  readonly waitingMax: number;
  readonly registry?: string;
  readonly json?: true;
};

/** Adds `weir serve`. */
export function addServe(program: Command, invocation: Invocation): void {
  const command = program
    .command('serve')
    .summary('answer authorizations over HTTP before they are made')
    .description(
      'Serves the score API: each payment is appended to the log, decided at its place in it, made durable, and answered. /openapi.json says how to ask. Ctrl-C answers what was taken, and commits.',
    )
    .requiredOption('--out <dir>', 'the folder of the log, the decisions and the ledger')
    .option('--host <host>', 'where to listen', '127.0.0.1')
    .option('--port <port>', 'the next free one when it is taken; 0 is any', wholeNumber(0), 8080)
    .option('--keys <file>', 'who may call: see docs/api.md (without it one key is made and printed)')
    .option(
      '--deadline-ms <ms>',
      'how long a caller waits at most; one may ask for less by the header weir-deadline-ms',
      wholeNumber(1),
      180,
    )
    .option(
      '--waiting-max <n>',
      'events that may wait for decisions: beyond them the answer is 503',
      wholeNumber(1),
      1024,
    )
    .option('--cut-records <n>', 'events between two checkpoints, which a crash decides again', wholeNumber(1), 16_384)
    .option('--registry <file>', 'takes readings of these sensors as well: JSON, or CSV by its ending')
    .addOption(jsonOption());
  addWeirFileOptions(command);
  addExamples(
    command,
    'weir serve --out weir-out/serve',
    'weir serve --out weir-out/serve --port 9090 --keys keys.json',
  );
  command.action(async (options: ServeOptions) => {
    invocation.exitCode = await serve(options);
  });
}

async function serve(options: ServeOptions): Promise<number> {
  using interruption = listenForInterruption();
  const { out, host, port, deadlineMs } = options;
  // Its libraries take a moment to load, which no other command waits for.
  const [{ createApp }, { hashOfKey, keysFile, scopes }, { listen }, { openAuthorizer }, { createServeMetrics }] =
    await Promise.all([
      import('../../adapters/http/app.ts'),
      import('../../adapters/http/api-keys.ts'),
      import('../../adapters/http/serve.ts'),
      import('../../runtime/authorizer.ts'),
      import('../../adapters/prometheus/serve-metrics.ts'),
    ]);
  const made = options.keys === undefined ? makeKey([...scopes], hashOfKey) : null;
  const callers = made?.callers ?? readKeys(options.keys ?? '', keysFile);
  const files = weirFilesOf(options);
  const assembled = await assemble(files);
  const source = { path: 'http', sizeBytes: null, format: 'http', mapping: null };
  const authorizer = await openAuthorizer({
    dir: out,
    assembled,
    files,
    cutRecords: options.cutRecords,
    waitingMax: options.waitingMax,
    findKept: (id) => findKept(out, id),
  });
  claimManifest({
    dir: out,
    manifest: { ...assembled.identity, engine: 'columnar', source },
    plan: assembled.weir.features.plan,
  });
  tellRecovery(out, authorizer.scoring.recovery);
  const metrics = createServeMetrics(engineTotalsOf(authorizer.scoring));
  const { observe, observeLate, text } = metrics;
  const intake = options.registry === undefined ? null : await openIntake(out, options.registry);
  const telemetry = intake === null ? {} : { telemetry: intake };
  const app = createApp({ port: authorizer, callers, deadlineMs, observe, observeLate, metrics: text, ...telemetry });
  const server = await listen(app, { host, port });
  if (options.json) sayJson({ url: server.url, key: made?.key ?? null });
  else say(server.url);
  if (made !== null && !options.json) remark(`key, for this run alone: ${made.key}`);
  remark(`${out} keeps the log; an answer is durable there before it is given. Ctrl-C stops in order.`);
  try {
    const stopped = new Promise<void>((resolve) => {
      interruption.signal.addEventListener('abort', () => resolve(), { once: true });
    });
    await Promise.race([stopped, authorizer.failed, ...(intake === null ? [] : [intake.failed])]);
  } finally {
    await server.close();
    await authorizer.close();
    await intake?.close();
  }
  remark(`stopped and committed: ${formatCount(authorizer.scoring.nextOffset)} events in the log`);
  return exitCodes.ok;
}

/** Readings have a log, tiers and alarms of their own, beside those of payments. */
async function openIntake(out: string, registry: string): Promise<TelemetryIntake> {
  const { openTelemetryIntake } = await import('../../runtime/telemetry-intake.ts');
  return openTelemetryIntake({ dir: join(out, 'telemetry'), registry: readRegistry(registry) });
}

/** A key that may do everything, as long as the process runs. */
function makeKey(
  scopes: Callers['keys'][number]['scopes'],
  hashOfKey: (key: string) => string,
): { readonly key: string; readonly callers: Callers } {
  const key = `weir_${randomBytes(24).toString('base64url')}`;
  const caller = { id: 'local', sha256: hashOfKey(key), tenants: ['*'], scopes, perSecond: 1e6, burst: 1e6 };
  return { key, callers: { version: 1, keys: [caller], webhooks: [] } };
}

function readKeys(path: string, schema: z.ZodType<Callers>): Callers {
  const text = withPath(path, () => readFileSync(path, 'utf8'));
  const invalid = (why: string): WeirError =>
    new WeirError({ code: 'KEYS_INVALID', message: `${path}: ${why}`, fix: 'See docs/api.md for the file of keys.' });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw invalid('got something else, expected JSON');
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw invalid(z.prettifyError(parsed.error));
}

async function findKept(out: string, decisionId: string): Promise<DecisionAnswer | null> {
  try {
    const view = viewOfRow(await findDecision(out, decisionId));
    return { decisionId: view.decisionId, tenantId: view.tenantId, text: JSON.stringify(view) };
  } catch (error) {
    if (error instanceof WeirError && error.code === 'DECISION_NOT_FOUND') return null;
    throw error;
  }
}

function viewOfRow(row: DecisionRow): DecisionView {
  return {
    decisionId: row.decision_id,
    tenantId: row.tenant_id,
    accountId: row.account_id,
    eventId: row.event_id,
    eventTimeMs: row.event_time,
    outcome: row.outcome,
    iso20022Action: iso20022Action(row.outcome),
    score: row.score,
    reasonCodes: [...row.reasons],
    ruleHits: row.rule_hits.map(({ id, version, mode, scoreDelta }) => ({ id, version, mode, scoreDelta })),
    model: { id: row.model_id, version: row.model_version, hash: row.model_hash },
    ruleSet: { id: row.rule_set_id, version: row.rule_set_version, hash: row.rule_set_hash },
    featureSet: { name: row.feature_set_name, version: row.feature_set_version, hash: row.feature_set_hash },
    features: Object.fromEntries(row.used.map(({ name, value }) => [name, value])),
    offset: row.offset,
    watermarkMs: row.watermark ?? null,
    late: row.late,
    tooLate: row.too_late,
    fallback: row.fallback ?? null,
  };
}
