import { join } from 'node:path';
import type { Command } from 'commander';
import { readRegistry } from '../../adapters/files/registry-file.ts';
import { assemble } from '../../runtime/assemble.ts';
import { claimManifest } from '../../runtime/manifest.ts';
import type { TelemetryIntake } from '../../runtime/telemetry-intake.ts';
import { engineTotalsOf } from '../engine-totals.ts';
import { callersOf } from '../caller-keys.ts';
import { addClusterLogOptions, type ClusterLogOptions } from '../cluster-log-options.ts';
import { formatCount } from '../format.ts';
import { listenForInterruption } from '../interruption.ts';
import { addExamples, exitCodes, type Invocation, jsonOption, wholeNumber } from '../invocation.ts';
import { findKept } from '../kept-decision.ts';
import { remark, say, sayJson } from '../terminal.ts';
import { addWeirFileOptions, weirFilesOf, type WeirFileOptions } from '../weir-files.ts';
import { tellRecovery } from '../weir-session.ts';

export type ServeOptions = WeirFileOptions &
  ClusterLogOptions & {
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
    .requiredOption(
      '--out <dir>',
      'the folder of the log, the decisions and the ledger; with --log one that all processes reach',
    )
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
  addClusterLogOptions(addWeirFileOptions(command));
  addExamples(
    command,
    'weir serve --out weir-out/serve',
    'weir serve --out weir-out/serve --port 9090 --keys keys.json',
    'weir serve --out weir-out/shared --keys keys.json --log kafka://127.0.0.1:9092/payments.authorization.v1',
  );
  command.action(async (options: ServeOptions) => {
    invocation.exitCode = await serve(options);
  });
}

async function serve(options: ServeOptions): Promise<number> {
  if (options.log !== undefined) {
    const { serveFromKafka } = await import('../serve-kafka.ts');
    return serveFromKafka({ ...options, log: options.log });
  }
  using interruption = listenForInterruption();
  const { out, host, port, deadlineMs } = options;
  // Its libraries take a moment to load, which no other command waits for.
  const [{ createApp }, { listen }, { openAuthorizer }, { createServeMetrics }] = await Promise.all([
    import('../../adapters/http/app.ts'),
    import('../../adapters/http/serve.ts'),
    import('../../runtime/authorizer.ts'),
    import('../../adapters/prometheus/serve-metrics.ts'),
  ]);
  const { callers, madeKey } = callersOf(options.keys);
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
  const metrics = createServeMetrics(new Map([[0, engineTotalsOf(authorizer.scoring)]]));
  const { observe, observeLate, text } = metrics;
  const intake = options.registry === undefined ? null : await openIntake(out, options.registry);
  const telemetry = intake === null ? {} : { telemetry: intake };
  const app = createApp({ port: authorizer, callers, deadlineMs, observe, observeLate, metrics: text, ...telemetry });
  const server = await listen(app, { host, port });
  if (options.json) sayJson({ url: server.url, key: madeKey });
  else say(server.url);
  if (madeKey !== null && !options.json) remark(`key, for this run alone: ${madeKey}`);
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
