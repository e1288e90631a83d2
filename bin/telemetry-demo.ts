import type { Alarm } from '../core/telemetry/alarm.ts';
import { createRegistry } from '../core/telemetry/registry.ts';
import { claimDirectory } from '../runtime/claim.ts';
import { runSource } from '../runtime/run-source.ts';
import { openTelemetry, type TelemetryRun } from '../runtime/telemetry.ts';
import { simulateReadings } from '../simulate/plants.ts';
import { createReadingWriter, readingSizeBytesMax } from '../simulate/plants-bytes.ts';
import type { FaultKind } from '../simulate/plants-faults.ts';
import type { PlantWorld } from '../simulate/plants-world.ts';
import { clip, formatCount } from './format.ts';
import { listenForInterruption } from './interruption.ts';
import { exitCodes } from './invocation.ts';
import { demoDirectory } from './output-directory.ts';
import { paceOf } from './pace.ts';
import type { TimedItem } from './reading-clock.ts';
import { openScreen } from './screen.ts';
import { title } from './summary-text.ts';
import { addProgress, createTally, type Tally } from './tally.ts';
import { summariseTelemetry, type TelemetrySummary, telemetrySummaryText } from './telemetry-summary.ts';
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

/** Readings of a demonstration, unless it is told how many. */
const readingsMax = 200_000;

const batchReadings = 500;

/** Generates readings of made-up plants and watches them, live. Gives the exit code. */
export async function telemetryDemo(options: Options): Promise<number> {
  const { seed, events = readingsMax, json } = options;
  const out = demoDirectory({ out: options.out, name: `demo-plants-${seed}` });
  const world = telemetryWorld({ seed, readings: events, disturbance: 'some' });
  const source = { path: `demo of plants, seed ${seed}`, sizeBytes: null, format: 'jsonl', mapping: null };
  claimDirectory({ dir: out, name: 'telemetry', manifest: { source } });
  remark(`weir demo: made-up plants of seed ${seed}, ${formatCount(events)} readings; everything is kept in ${out}`);
  const clock = { ingestTimeMs: 0 };
  const registry = createRegistry(world.sensors.map(({ device }) => device));
  const run = openTelemetry({ dir: out, registry, clockMs: () => clock.ingestTimeMs });
  const demo: Demo = { world, run, out, events, clock, tally: createTally(), alarms: new Map(), tierRows: 0 };
  try {
    const summary = await watch(demo, options);
    const report = { ...summary, seed, sensors: world.sensors.length, plants: registry.plants.length };
    const faults = foundFaults(demo);
    if (json) sayJson({ ...report, faults });
    else say(demoText(summary, { demo, faults }));
    return summary.status === 'stopped' && options.events !== undefined ? exitCodes.interrupted : exitCodes.ok;
  } finally {
    await run.close();
  }
}

type Demo = {
  readonly world: PlantWorld;
  readonly run: TelemetryRun;
  readonly out: string;
  readonly events: number;
  /** When the last reading was taken. */
  readonly clock: { ingestTimeMs: number };
  readonly tally: Tally;
  /** The last revision of every alarm, in the order in which they were raised. */
  readonly alarms: Map<string, Alarm>;
  /** Rows of tiers that ended. */
  tierRows: number;
};

async function watch(demo: Demo, { seed, rate, once }: Options): Promise<TelemetrySummary> {
  const { run, out, tally, alarms } = demo;
  const heading = `weir demo · plants of seed ${seed} · ${rate === undefined ? 'full speed' : `${rate} readings/s`}`;
  using interruption = listenForInterruption();
  const { signal } = interruption;
  using _screen = once ? null : openScreen(() => telemetryLines({ ...demo, ...demo.clock, title: heading }));
  const status = await runSource({
    scoring: run,
    items: inBatches(demo),
    atEnd: 'endOfInput',
    signal,
    onProgress: (progress) => {
      addProgress(tally, { ...progress, decisions: [] });
      for (const alarm of progress.alarms) alarms.set(alarm.alarmId, alarm);
      demo.tierRows += progress.tierRows;
    },
    ...paceOf(rate, signal),
  });
  return await summariseTelemetry({ status, out, run, tally });
}

async function* inBatches({ world, events, clock }: Demo): AsyncGenerator<readonly TimedItem[]> {
  const writer = createReadingWriter(world);
  let batch: TimedItem[] = [];
  let readings = 0;
  for (const sent of simulateReadings(world)) {
    const bytes = new Uint8Array(readingSizeBytesMax);
    const end = writer.write(sent, bytes, 0);
    const { ingestTimeMs } = sent;
    clock.ingestTimeMs = ingestTimeMs;
    batch.push({ topic: 'telemetry.reading.v1', ingestTimeMs, bytes: bytes.subarray(0, end) });
    readings += 1;
    if (batch.length === batchReadings || readings === events) {
      yield batch;
      batch = [];
    }
    if (readings === events) return;
  }
  yield batch;
}

/** The alarm that a fault shall raise; the others show in the counts. */
const alarmOfFault: Readonly<Partial<Record<FaultKind, string>>> = {
  spike: 'high',
  drift: 'high',
  stuck: 'stuck',
  silent: 'silent',
  outOfRange: 'range',
};

type FoundFaults = { readonly labelled: number; readonly found: number };

/** How many of the faults that came about have raised their alarm. */
function foundFaults({ world, alarms, clock }: Demo): FoundFaults {
  const found = new Set(
    [...alarms.values()].map((alarm) => `${alarm.kind} ${alarm.plant}/${alarm.line}/${alarm.machine}/${alarm.sensor}`),
  );
  const { startMs, tickMs } = world.options;
  const wanted = world.sensors.flatMap(({ device, faults }) => {
    const path = `${device.plant}/${device.line}/${device.machine}/${device.sensor}`;
    return faults
      .filter(({ kind, toTick }) => alarmOfFault[kind] !== undefined && startMs + toTick * tickMs < clock.ingestTimeMs)
      .map(({ kind }) => `${alarmOfFault[kind]} ${path}`);
  });
  return { labelled: wanted.length, found: wanted.filter((name) => found.has(name)).length };
}

function demoText(
  summary: TelemetrySummary,
  { demo, faults }: { readonly demo: Demo; readonly faults: FoundFaults },
): string {
  const last = [...demo.alarms.values()].slice(-5).flatMap((alarm) => alarmLines(alarm));
  return [
    `${title('The last alarms')}\n${last.map((text) => `  ${clip(text, 78)}`).join('\n')}`,
    `${title('Against what the generator knows')}\n  ${faults.found} of ${faults.labelled} faults that an alarm is for were found.\n  What befell the plant that was away is old when it arrives: it raises nothing.`,
    telemetrySummaryText(summary),
  ].join('\n\n');
}
