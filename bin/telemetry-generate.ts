import { registryCsv, registryText } from '../core/telemetry/registry.ts';
import { simulateReadings } from '../simulate/plants.ts';
import { createReadingWriter, readingSizeBytesMax } from '../simulate/plants-bytes.ts';
import type { PlantWorld } from '../simulate/plants-world.ts';
import { formatCount } from './format.ts';
import { createChunks, fileSink, standardOutput } from './line-sink.ts';
import { telemetryWorld } from './telemetry-world.ts';
import { remark, sayJson } from './terminal.ts';

type Options = {
  readonly events: number;
  readonly seed: number;
  readonly out: string;
  readonly labels?: string;
  readonly registry?: string;
  readonly disturb?: true;
  readonly json?: true;
};

/** Writes readings of made-up plants as JSON lines, `{"topic", "event"}`; with their registry and the truth if asked. */
export async function generateReadings(options: Options): Promise<number> {
  const { events, seed, out, labels, registry, disturb, json } = options;
  const world = telemetryWorld({ seed, readings: events, disturbance: disturb ? 'some' : 'none' });
  if (registry !== undefined) await writeText(registry, registryOf(world, registry));
  if (labels !== undefined) await writeText(labels, labelsOf(world));
  const readings = await writeReadings(world, options);
  const where = out === '-' ? 'standard output' : out;
  if (json && out !== '-') sayJson({ readings, sensors: world.sensors.length, seed, out, registry, labels });
  else remark(`wrote ${formatCount(readings)} readings of ${world.sensors.length} sensors to ${where}`);
  return 0;
}

async function writeReadings(world: PlantWorld, { events, out }: Options): Promise<number> {
  const sink = out === '-' ? standardOutput() : fileSink(out);
  const chunks = createChunks(sink);
  const writer = createReadingWriter(world);
  let readings = 0;
  try {
    for (const sent of simulateReadings(world)) {
      const line = Buffer.alloc(head.length + readingSizeBytesMax + lineEnd.length);
      const end = writer.write(sent, line, line.write(head));
      chunks.push(line.subarray(0, end + line.write(lineEnd, end)));
      readings += 1;
      if (chunks.isFull()) await chunks.flush();
      if (readings === events) break;
    }
    await chunks.flush();
  } finally {
    sink.close();
  }
  return readings;
}

const head = '{"topic":"telemetry.reading.v1","event":';
const lineEnd = '}\n';

function registryOf({ sensors }: PlantWorld, path: string): string {
  const devices = sensors.map(({ device }) => device);
  return path.endsWith('.csv') ? registryCsv(devices) : registryText(devices);
}

function labelsOf({ sensors, options }: PlantWorld): string {
  const timeOf = (tick: number, phaseMs: number): number => options.startMs + tick * options.tickMs + phaseMs;
  const lines = sensors.flatMap(({ device, faults, phaseMs }) => {
    const { plant, line, machine, sensor } = device;
    return faults.map(({ kind, fromTick, toTick }) => {
      return [plant, line, machine, sensor, kind, timeOf(fromTick, phaseMs), timeOf(toTick, phaseMs)].join(',');
    });
  });
  return `${['plant,line,machine,sensor,fault,from_ms,to_ms', ...lines].join('\n')}\n`;
}

async function writeText(path: string, text: string): Promise<void> {
  const sink = fileSink(path);
  await sink.write(Buffer.from(text));
  sink.close();
}
