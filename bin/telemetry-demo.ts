import { setTimeout as wait } from 'node:timers/promises';
import { WeirError } from '../core/contract/failure.ts';
import { createRegistry } from '../core/telemetry/registry.ts';
import { controlTopic, type LogRecord } from '../core/engine/record.ts';
import { simulateReadings } from '../simulate/plants.ts';
import { createReadingWriter, readingSizeBytesMax } from '../simulate/plants-bytes.ts';
import type { FaultKind } from '../simulate/plants-faults.ts';
import type { PlantWorld } from '../simulate/plants-world.ts';
import { clip, formatCount, formatRows } from './format.ts';
import { listenForInterruption } from './interruption.ts';
import { exitCodes } from './invocation.ts';
import { openScreen } from './screen.ts';
import { title } from './summary-text.ts';
import { breathe } from './tally.ts';
import { openTelemetryMemory, type TelemetryMemory } from './telemetry-memory.ts';
import { alarmLines, telemetryLines } from './telemetry-view.ts';
import { telemetryWorld } from './telemetry-world.ts';
import { remark, say, sayJson } from './terminal.ts';

type Options = {
  readonly seed: number;
  readonly events?: number;
  readonly rate?: number;
  readonly once?: true;
  readonly out?: string;
  readonly json?: true;
};

/** Readings of a demonstration, unless it is told how many: everything is kept in memory, so it ends. */
const readingsMax = 200_000;

const batchReadings = 500;

/** Generates readings of made-up plants and watches them, live. Gives the exit code. */
export async function telemetryDemo(options: Options): Promise<number> {
  if (options.out !== undefined) {
    throw new WeirError({
      code: 'OPTION_BAD',
      message: 'got --out with --telemetry, whose demonstration keeps everything in memory',
      fix: 'Leave --out away.',
    });
  }
  const { seed, events = readingsMax, rate, once, json } = options;
  remark(`weir demo: made-up plants of seed ${seed}, ${formatCount(events)} readings; nothing is written`);
  const world = telemetryWorld({ seed, readings: events, disturbance: 'some' });
  const memory = openTelemetryMemory(createRegistry(world.sensors.map(({ device }) => device)));
  const run: Run = { world, memory, events, rate, startMs: performance.now(), readings: 0, ingestTimeMs: 0 };
  using interruption = listenForInterruption();
  {
    const heading = `weir demo · plants of seed ${seed} · ${rate === undefined ? 'full speed' : `${rate} readings/s`}`;
    using _screen = once ? null : openScreen(() => telemetryLines(viewOf(run, heading)));
    await watch(run, interruption.signal);
  }
  const summary = summaryOf(run);
  if (json) sayJson({ seed, ...summary });
  else say(summaryText(summary, memory));
  return interruption.signal.aborted && options.events !== undefined ? exitCodes.interrupted : exitCodes.ok;
}

type Run = {
  readonly world: PlantWorld;
  readonly memory: TelemetryMemory;
  readonly events: number;
  readonly rate: number | undefined;
  readonly startMs: number;
  readings: number;
  ingestTimeMs: number;
};

function viewOf(run: Run, heading: string) {
  return {
    title: heading,
    memory: run.memory,
    startMs: run.startMs,
    pace: () => paceOf(run),
    ingestTimeMs: () => run.ingestTimeMs,
  };
}

function paceOf({ readings, startMs }: Run): number {
  return (readings / Math.max(1, performance.now() - startMs)) * 1000;
}

async function watch(run: Run, signal: AbortSignal): Promise<void> {
  for (const records of inBatches(run)) {
    run.memory.take(records);
    run.readings += records.length;
    run.ingestTimeMs = records.at(-1)?.ingestTimeMs ?? run.ingestTimeMs;
    await breathe();
    const dueMs = run.rate === undefined ? 0 : run.startMs + (run.readings / run.rate) * 1000;
    if (dueMs > performance.now()) await wait(dueMs - performance.now(), undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return;
  }
  const { readings: offset, ingestTimeMs } = run;
  run.memory.take([{ topic: controlTopic, partition: 0, offset, ingestTimeMs, bytes: new Uint8Array() }]);
}

function* inBatches({ world, events }: Run): Generator<LogRecord[]> {
  const writer = createReadingWriter(world);
  let batch: LogRecord[] = [];
  let offset = 0;
  for (const sent of simulateReadings(world)) {
    const bytes = new Uint8Array(readingSizeBytesMax);
    const end = writer.write(sent, bytes, 0);
    const { ingestTimeMs } = sent;
    batch.push({ topic: 'telemetry.reading.v1', partition: 0, offset, ingestTimeMs, bytes: bytes.subarray(0, end) });
    offset += 1;
    if (batch.length === batchReadings || offset === events) {
      yield batch;
      batch = [];
    }
    if (offset === events) return;
  }
  if (batch.length > 0) yield batch;
}

type Summary = ReturnType<typeof summaryOf>;

function summaryOf(run: Run) {
  const { world, memory } = run;
  const { counts, tierRows, alarms } = memory;
  const raised = [...alarms.values()];
  return {
    readings: run.readings,
    readingsPerSecond: Math.round(paceOf(run)),
    seconds: (performance.now() - run.startMs) / 1000,
    sensors: world.sensors.length,
    plants: memory.telemetry.registry.plants.length,
    counts: Object.fromEntries([...counts].toSorted(([left], [right]) => (left < right ? -1 : 1))),
    tierRows: Object.fromEntries(tierRows),
    alarms: { raised: raised.length, open: raised.filter(({ endedAtMs }) => endedAtMs === null).length },
    faults: foundFaults(run),
  };
}

/** The alarm that a fault shall raise; the others show in the counts. */
const alarmOfFault: Readonly<Partial<Record<FaultKind, string>>> = {
  spike: 'high',
  drift: 'high',
  stuck: 'stuck',
  silent: 'silent',
  outOfRange: 'range',
};

/** How many of the faults that came about have raised their alarm. */
function foundFaults({ world, memory, ingestTimeMs }: Run): { readonly labelled: number; readonly found: number } {
  const found = new Set(
    [...memory.alarms.values()].map(
      (alarm) => `${alarm.kind} ${alarm.plant}/${alarm.line}/${alarm.machine}/${alarm.sensor}`,
    ),
  );
  const { startMs, tickMs } = world.options;
  const wanted = world.sensors.flatMap(({ device, faults }) => {
    const path = `${device.plant}/${device.line}/${device.machine}/${device.sensor}`;
    return faults
      .filter(({ kind, toTick }) => alarmOfFault[kind] !== undefined && startMs + toTick * tickMs < ingestTimeMs)
      .map(({ kind }) => `${alarmOfFault[kind]} ${path}`);
  });
  return { labelled: wanted.length, found: wanted.filter((name) => found.has(name)).length };
}

function summaryText(summary: Summary, { alarms, counts }: TelemetryMemory): string {
  const of = (name: string): string => formatCount(counts.get(name) ?? 0).padStart(9);
  const kinds = [...counts].filter(([name]) => name.startsWith('alarms.'));
  const tiers = Object.entries(summary.tierRows);
  return [
    `${title('Readings')}\n${formatRows([
      ['taken', formatCount(summary.readings).padStart(9), `${formatCount(summary.readingsPerSecond)} a second`],
      ['good', of('verdict.good'), `of ${summary.sensors} sensors in ${summary.plants} plants`],
      ['late', of('late'), 'they revise tiers and raise no alarm'],
      ['copies', of('duplicates'), `and ${counts.get('deadLetters.conflict') ?? 0} conflicts`],
    ])}`,
    `${title('Tiers')}\n${formatRows(tiers.map(([name, { rows, revisions }]) => [name, formatCount(rows).padStart(9), `rows, ${formatCount(revisions)} of them revisions`]))}`,
    `${title('Alarms')}\n${formatRows(kinds.map(([name, count]) => [name.slice(7), formatCount(count).padStart(9)]))}`,
    `${title('The last of them')}\n${[...alarms.values()]
      .slice(-5)
      .flatMap((alarm) => alarmLines(alarm).map((text) => `  ${clip(text, 78)}`))
      .join('\n')}`,
    `${title('Against what the generator knows')}\n  ${summary.faults.found} of ${summary.faults.labelled} faults that an alarm is for were found.\n  What befell the plant that was away is old when it arrives: it raises nothing.`,
  ].join('\n\n');
}
