/** The fields that name a sensor. */
export type SensorPath = {
  readonly tenantId: string;
  readonly plant: string;
  readonly line: string;
  readonly machine: string;
  readonly sensor: string;
};

/** The one text of a sensor's path. No field holds a control character, so two paths never share it. */
export function sensorKeyOf({ tenantId, plant, line, machine, sensor }: SensorPath): string {
  return `${tenantId}\u0000${plant}\u0000${line}\u0000${machine}\u0000${sensor}`;
}

/** The one text of a plant, which is an input with a watermark of its own. */
export function plantKeyOf({ tenantId, plant }: Pick<SensorPath, 'tenantId' | 'plant'>): string {
  return `${tenantId}\u0000${plant}`;
}
