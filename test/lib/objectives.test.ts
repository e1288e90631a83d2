import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { alerts } from '../../scripts/board-alerts.ts';
import { functions, ofType, synthesize } from './synthesized.ts';

const synthesized = synthesize({ profile: 'dev', backbone: 'kinesis', ...functions });

const statSchema = z.object({ MetricStat: z.object({ Period: z.number() }).optional() });
const alarmSchema = z.object({ Threshold: z.number(), Metrics: z.array(statSchema) });

/** The threshold of an alarm of the API, and its window in seconds. */
function alarmOf(id: string): { readonly threshold: number; readonly seconds: number | undefined } {
  const found = ofType(synthesized, 'AWS::CloudWatch::Alarm').find((one) => one.id.startsWith(id));
  const { Threshold, Metrics } = alarmSchema.parse(found?.Properties);
  return {
    threshold: Threshold,
    seconds: Metrics.find(({ MetricStat }) => MetricStat !== undefined)?.MetricStat?.Period,
  };
}

describe('what is promised of the score API', () => {
  test.each([
    ['ApiErrors', 'WeirAvailability', 0.0003],
    ['ApiAfter180ms', 'WeirWithin180ms', 0.05],
    ['ApiAfter380ms', 'WeirWithin380ms', 0.01],
  ])('%s pages at the rates at which %s does', (cloudWatch, prometheus, budget) => {
    for (const [speed, factor, long, short] of [
      ['Fast', 14.4, 3600, 300],
      ['Slow', 6, 21_600, 1800],
    ] as const) {
      const threshold = Number((factor * budget).toPrecision(6));
      expect(alarmOf(`${cloudWatch}${speed}Long`)).toEqual({ threshold, seconds: long });
      expect(alarmOf(`${cloudWatch}${speed}Short`)).toEqual({ threshold, seconds: short });
      expect(alerts.find(({ name }) => name === `${prometheus}Burn${speed}`)?.expr).toContain(`> ${threshold} and `);
    }
  });

  test('pages nobody about time while requests fail', () => {
    const rules = ofType(synthesized, 'AWS::CloudWatch::CompositeAlarm').map(({ id, Properties }) => ({
      id,
      rule: JSON.stringify(Properties['AlarmRule']),
    }));
    const slow = rules.find(({ id }) => id.startsWith('ApiSlow'))?.rule ?? '';
    expect(slow).toMatch(/NOT \(.*ApiErrors/s);
    expect(rules.find(({ id }) => id.startsWith('ApiFails'))?.rule).not.toContain('ApiAfter');
  });
});
