import type { Command } from 'commander';
import { demoDisturbance, disturb } from '../../simulate/disturb.ts';
import { serialise, type SimulatedItem } from '../../simulate/item.ts';
import { simulatePayments } from '../../simulate/payments.ts';
import { formatCount } from '../format.ts';
import { generateReadings } from '../telemetry-generate.ts';
import { createChunks, fileSink, standardOutput } from '../line-sink.ts';
import { addExamples, type Invocation, jsonOption, wholeNumber } from '../invocation.ts';
import { remark, sayJson } from '../terminal.ts';

type GenerateOptions = {
  readonly events: number;
  readonly seed: number;
  readonly out: string;
  readonly labels?: string;
  readonly disturb?: true;
  readonly json?: true;
  readonly telemetry?: true;
  readonly registry?: string;
};

/** Adds `weir generate`. */
export function addGenerate(program: Command, invocation: Invocation): void {
  const command = program
    .command('generate')
    .summary('write made-up payments, or readings of plants')
    .description(
      'Writes made-up payments as JSON lines, {"topic", "event"}: so many authorizations, and the clearings, reversals and disputes that follow from them; or with --telemetry readings of plants. The same seed gives the same bytes.',
    )
    .requiredOption('--events <n>', 'how many authorizations, or readings', wholeNumber(1))
    .option('--telemetry', 'readings of plants instead, --events of them')
    .option('--registry <file>', 'with --telemetry: also write the registry, JSON or CSV by its ending')
    .option('--seed <n>', 'another seed is another world', wholeNumber(0), 1)
    .option('--out <file>', 'where to write; - is standard output', '-')
    .option(
      '--labels <file>',
      'also write the truth, CSV: event_id,scenario (empty when genuine), or the faults of sensors',
    )
    .option('--disturb', 'some events late, twice, in conflict or damaged, as in the demo')
    .addOption(jsonOption());
  addExamples(
    command,
    'weir generate --events 100000 --out payments.jsonl --labels labels.csv',
    'weir generate --events 1000 --disturb',
    'weir generate --telemetry --events 100000 --out readings.jsonl --registry registry.csv --labels faults.csv',
  );
  command.action(async (options: GenerateOptions) => {
    invocation.exitCode = await (options.telemetry ? generateReadings(options) : generate(options));
  });
}

async function generate({ events, seed, out, labels, disturb: disturbed, json }: GenerateOptions): Promise<number> {
  const sink = out === '-' ? standardOutput() : fileSink(out);
  const labelSink = labels === undefined ? null : fileSink(labels);
  await labelSink?.write(Buffer.from('event_id,scenario\n'));
  let lines = 0;
  try {
    const labelLines = createChunks(labelSink);
    const items = labelled(simulatePayments({ seed, authorizationsMax: events }), (line) => labelLines.push(line));
    const chunks = createChunks(sink);
    const rates = { ...demoDisturbance, seed };
    for (const { topic, bytes } of disturbed ? disturb(items, rates) : plain(items)) {
      chunks.push(Buffer.concat([Buffer.from(`{"topic":"${topic}","event":`), bytes, lineEnd]));
      lines += 1;
      if (chunks.isFull()) await chunks.flush();
      if (labelLines.isFull()) await labelLines.flush();
    }
    await chunks.flush();
    await labelLines.flush();
  } finally {
    sink.close();
    labelSink?.close();
  }
  const where = out === '-' ? 'standard output' : out;
  if (json && out !== '-') sayJson({ events: lines, authorizations: events, seed, out, labels: labels ?? null });
  else remark(`wrote ${formatCount(lines)} events to ${where}`);
  return 0;
}

const lineEnd = Buffer.from('}\n');

function* plain(items: Iterable<SimulatedItem>): Generator<{ readonly topic: string; readonly bytes: Uint8Array }> {
  for (const item of items) yield { topic: item.topic, bytes: serialise(item) };
}

function* labelled(items: Iterable<SimulatedItem>, label: (line: Uint8Array) => void): Generator<SimulatedItem> {
  for (const item of items) {
    if (item.topic === 'payments.authorization.v1') label(Buffer.from(`${item.event.eventId},${item.fraud ?? ''}\n`));
    yield item;
  }
}
