import { statSync } from 'node:fs';
import type { Command } from 'commander';
import type { Source } from '../../adapters/files/source.ts';
import type { Counts } from '../../core/sinks/effects.ts';
import { loadDefinition, shippedFiles } from '../../runtime/assemble.ts';
import { writeFeatureTable } from '../../runtime/feature-table.ts';
import { clip, formatBytes, formatCount, formatDuration, formatRows } from '../format.ts';
import { addExamples, exitCodes, type Invocation, jsonOption } from '../invocation.ts';
import { openScreen, screenWidth } from '../screen.ts';
import { addSourceOptions, openAskedSource, type SourceFileOptions } from '../source-options.ts';
import { breathe } from '../tally.ts';
import { say, sayJson } from '../terminal.ts';

type FeaturesOptions = SourceFileOptions & {
  readonly definition?: string;
  readonly out: string;
  readonly json?: true;
};

/** Adds `weir features`. */
export function addFeatures(program: Command, invocation: Invocation): void {
  const command = program
    .command('features')
    .summary('compute features of a file, for training')
    .description(
      'Computes every feature of every payment of a file into one Parquet file, without scoring. Columns: transaction_id, each feature as it is decided on, and as it settles (_settled).',
    )
    .option('--definition <file>', 'features to compute (default: those that come with Weir)');
  addSourceOptions(command).requiredOption('--out <file>', 'the Parquet file to write').addOption(jsonOption());
  addExamples(
    command,
    'weir features --definition examples/handbook/features.ts --source examples/small/payments.csv --out weir-out/features.parquet',
  );
  command.action(async (options: FeaturesOptions) => {
    invocation.exitCode = await features(options);
  });
}

async function features(options: FeaturesOptions): Promise<number> {
  const { definition = shippedFiles.definition, out, json } = options;
  const source = await openAskedSource(options);
  const featureSet = await loadDefinition(definition);
  const startMs = performance.now();
  const counts = await compute({ source, featureSet, out });
  const seconds = (performance.now() - startMs) / 1000;
  const report = {
    out,
    rows: counts.get('accepted.payments.authorization.v1') ?? 0,
    features: featureSet.plan.features.map(({ name }) => name),
    definition: { name: featureSet.plan.name, version: featureSet.plan.version, hash: featureSet.hash },
    counts: Object.fromEntries(counts),
    seconds,
    sizeBytes: statSync(out).size,
  };
  if (json) sayJson(report);
  else say(reportText(report));
  return exitCodes.ok;
}

async function compute(asked: {
  readonly source: Source;
  readonly featureSet: Awaited<ReturnType<typeof loadDefinition>>;
  readonly out: string;
}): Promise<Counts> {
  const { source, featureSet, out } = asked;
  const startMs = performance.now();
  let records = 0;
  using _screen = openScreen(() => {
    const elapsedMs = performance.now() - startMs;
    const parts = [`${formatCount(records)} events`, `${formatCount((records / elapsedMs) * 1000)} a second`];
    return [clip([...parts, `for ${formatDuration(elapsedMs)}`].join('   '), screenWidth())];
  });
  return await writeFeatureTable({
    featureSet,
    items: withPauses(source),
    path: out,
    onBatch: (counts) => {
      records = counts.get('records') ?? 0;
    },
  });
}

async function* withPauses(source: Source): ReturnType<Source['events']> {
  for await (const batch of source.events()) {
    yield batch;
    await breathe();
  }
}

function reportText(report: {
  readonly out: string;
  readonly rows: number;
  readonly features: readonly string[];
  readonly seconds: number;
  readonly sizeBytes: number;
}): string {
  return formatRows([
    ['rows', formatCount(report.rows)],
    ['features', `${report.features.length}, each with its settled value`],
    ['took', `${report.seconds.toFixed(1)} s`],
    ['written', `${report.out} (${formatBytes(report.sizeBytes)})`],
  ]);
}
