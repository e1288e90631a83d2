/** A length of time as people write it: `90s`, `10m`, `24h`, `7d`. */
export type Duration = `${number}${'s' | 'm' | 'h' | 'd'}`;

const unitMs: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Milliseconds of a duration. Throws when the text is not a positive whole number with a unit s, m, h or d. */
export function durationMs(duration: string): number {
  const [, count, unit] = /^([1-9]\d*)([smhd])$/.exec(duration) ?? [];
  const lengthMs = Number(count) * (unitMs[unit ?? ''] ?? Number.NaN);
  if (Number.isSafeInteger(lengthMs)) return lengthMs;
  throw new Error(`got duration ${JSON.stringify(duration)}, expected a whole number with s, m, h or d, such as 7d`);
}
