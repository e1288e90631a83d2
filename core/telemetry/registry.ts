import { type Device, deviceColumns, registrySchema } from '../contract/device.ts';
import { WeirError } from '../contract/failure.ts';
import { violationsOf } from '../contract/violations.ts';
import { plantKeyOf, type SensorPath, sensorKeyOf } from './sensor-key.ts';

/** The sensors that are known, each by its row. A function of the file alone; a change takes effect at a new start. */
export type DeviceRegistry = {
  /** In the order of the file. */
  readonly devices: readonly Device[];
  /** The row of a sensor by `sensorKeyOf`. */
  readonly rowByKey: ReadonlyMap<string, number>;
  /** In the order of their first sensors. */
  readonly plants: readonly Plant[];
  /** The place in `plants` of each device's plant, by row. */
  readonly plantOfRow: readonly number[];
  /** The shortest of all sensors. */
  readonly expectedIntervalMsMin: number;
};

/** A plant, as the watermark and its alarms see it. */
export type Plant = {
  readonly key: string;
  readonly tenantId: string;
  readonly plant: string;
  /** The rows of its sensors. */
  readonly rows: readonly number[];
  readonly expectedIntervalMsMin: number;
  readonly refractoryMsMax: number;
};

/** The row of a sensor, -1 when the registry has none of that path. */
export function rowOf(registry: DeviceRegistry, path: SensorPath): number {
  return registry.rowByKey.get(sensorKeyOf(path)) ?? -1;
}

/** Reads a registry as JSON, `{"version": 1, "devices": [...]}`. Throws a `WeirError` that says what is wrong and where. */
export function parseRegistry(text: string): DeviceRegistry {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw badRegistry('got text that is not JSON, expected {"version": 1, "devices": [...]}', cause);
  }
  return checkedRegistry(json, (path) => path);
}

/**
 * Reads the rows of a registry as a table: `cells` by column, as text; an empty cell is one that is missing. Throws a
 * `WeirError` that names the row, counted from 1 without the header.
 */
export function registryOfRows(rows: readonly Readonly<Record<string, string>>[]): DeviceRegistry {
  const devices = rows.map((cells) => {
    const entries = Object.entries(cells).filter(([, cell]) => cell !== '');
    return Object.fromEntries(entries.map(([column, cell]) => [column, valueOf(column, cell)]));
  });
  return checkedRegistry({ version: 1, devices }, rowPath);
}

/** Makes the registry of devices that were checked. Throws a `WeirError` when a sensor is there twice. */
export function createRegistry(devices: readonly Device[]): DeviceRegistry {
  const rowByKey = new Map<string, number>();
  const rowsByPlant = new Map<string, number[]>();
  for (const [row, device] of devices.entries()) {
    const key = sensorKeyOf(device);
    const first = rowByKey.get(key);
    if (first !== undefined) {
      const names = [device.plant, device.line, device.machine, device.sensor].join('/');
      throw badRegistry(`got the sensor ${names} twice (devices ${first} and ${row}), expected each one once`);
    }
    rowByKey.set(key, row);
    const rows = rowsByPlant.get(plantKeyOf(device)) ?? [];
    rows.push(row);
    rowsByPlant.set(plantKeyOf(device), rows);
  }
  const plants = [...rowsByPlant].map(([key, rows]) => plantOf(devices, key, rows));
  const plantOfRow = devices.map(() => -1);
  for (const [place, plant] of plants.entries()) for (const row of plant.rows) plantOfRow[row] = place;
  const expectedIntervalMsMin = plants.reduce((least, plant) => Math.min(least, plant.expectedIntervalMsMin), Infinity);
  return { devices, rowByKey, plants, plantOfRow, expectedIntervalMsMin };
}

/** The text of a registry file in JSON, a device a line. */
export function registryText(devices: readonly Device[]): string {
  return `{"version":1,"devices":[\n${devices.map((device) => JSON.stringify(device)).join(',\n')}\n]}\n`;
}

/** The text of a registry file in CSV, with a header. */
export function registryCsv(devices: readonly Device[]): string {
  const lines = devices.map((device) => deviceColumns.map((column) => csvCell(device[column])).join(','));
  return `${[deviceColumns.join(','), ...lines].join('\n')}\n`;
}

function csvCell(value: string | number | undefined): string {
  const text = value === undefined ? '' : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function plantOf(devices: readonly Device[], key: string, rows: readonly number[]): Plant {
  const sensors = rows.map((row) => devices[row]!);
  const { tenantId, plant } = sensors[0]!;
  const expectedIntervalMsMin = sensors.reduce((least, device) => Math.min(least, device.expectedIntervalMs), Infinity);
  const refractoryMsMax = sensors.reduce((most, device) => Math.max(most, device.refractoryMs), 0);
  return { key, tenantId, plant, rows, expectedIntervalMsMin, refractoryMsMax };
}

const numberColumns: ReadonlySet<string> = new Set([
  'rangeMin',
  'rangeMax',
  'expectedIntervalMs',
  'deadband',
  'stuckAfterMs',
  'alarmLow',
  'alarmHigh',
  'refractoryMs',
] satisfies (keyof Device)[]);

/** What is no number stays text, so that the check names it. */
function valueOf(column: string, cell: string): string | number {
  if (!numberColumns.has(column)) return cell;
  return /^-?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(cell) ? Number(cell) : cell;
}

/** `devices.0.rangeMin` of a table is `row 1, column rangeMin`. */
function rowPath(path: string): string {
  const [, row, column] = /^devices\.(\d+)(?:\.(.+))?$/.exec(path) ?? [];
  if (row === undefined) return path;
  return `row ${Number(row) + 1}${column === undefined ? '' : `, column ${column}`}`;
}

function checkedRegistry(json: unknown, placeOf: (path: string) => string): DeviceRegistry {
  const parsed = registrySchema.safeParse(json);
  if (parsed.success) return createRegistry(parsed.data.devices);
  const { first, count } = violationsOf(parsed.error, json);
  const lines = first.map(({ path, got, expected }) => `got ${got} at ${placeOf(path)}, expected ${expected}`);
  throw badRegistry(`${lines.join('; ')}${count > first.length ? `; and ${count - first.length} more` : ''}`);
}

function badRegistry(message: string, cause?: unknown): WeirError {
  return new WeirError({
    code: 'REGISTRY_BAD',
    message: `registry: ${message}`,
    fix: 'Correct the registry file; examples/plants/registry.json shows one.',
    ...(cause === undefined ? {} : { cause }),
  });
}
