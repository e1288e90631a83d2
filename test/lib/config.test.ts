import { describe, expect, test } from 'vitest';
import { readConfig } from '../../lib/config.ts';
import { deriveSizes, explainSizes } from '../../lib/derived-sizes.ts';
import { synthesize } from './synthesized.ts';

describe('the configuration', () => {
  test.each([
    [{ runtime: 'ecs-spot' }, 'PAIR_REFUSED', /imageUri/],
    [
      { runtime: 'ecs-spot', imageUri: '000000000000.dkr.ecr.us-east-1.amazonaws.com/weir:1' },
      'PAIR_REFUSED',
      /definition, model and rules/,
    ],
    [{ backbone: 'rabbit' }, 'CONFIG_INVALID', /./],
    [{ unknown: 1 }, 'CONFIG_INVALID', /./],
  ])('%j is refused with %s and what to do', (given, code, fix) => {
    expect(() => readConfig(given)).toThrow(expect.objectContaining({ code, fix: expect.stringMatching(fix) }));
  });

  test('says all that is wrong at once', () => {
    expect(() => readConfig({ eventsPerSecond: -1, name: 'No Good' })).toThrow(
      /eventsPerSecond.*name|name.*eventsPerSecond/,
    );
  });

  test('takes a profile, and each field instead of what the profile says', () => {
    expect(readConfig({ profile: 'prod' })).toMatchObject({ profile: 'prod', backbone: 'msk', eventsPerSecond: 5000 });
    expect(readConfig({ profile: 'prod', eventsPerSecond: 9 })).toMatchObject({ eventsPerSecond: 9, eventBytes: 330 });
  });
});

describe('the sizes', () => {
  test('follow from the load: 140,000 events of 512 bytes a second are 6 brokers, of 256 three', () => {
    const brokers = (eventBytes: number): number =>
      deriveSizes(readConfig({ eventsPerSecond: 140_000, eventBytes, cpuUsPerEvent: 5.88 })).brokers.value;
    expect([brokers(256), brokers(512)]).toEqual([3, 6]);
  });

  test('may be given, and then say what the load would have been', () => {
    const config = readConfig({ sizes: { partitions: 24 } });
    const sizes = deriveSizes(config);
    expect(sizes.partitions.value).toBe(24);
    expect(explainSizes(sizes, config).join('\n')).toMatch(/partitions +24 +given; the load says 18/);
  });

  test('with more members than partitions are refused', () => {
    const given = readConfig({ sizes: { partitions: 6, tasksMax: 7 } });
    expect(() => deriveSizes(given)).toThrow(expect.objectContaining({ code: 'SIZES_INVALID' }));
  });
});

test('a function that is not there is told by its path', () => {
  expect(() => synthesize({ functionsFolder: 'docs' })).toThrow(
    expect.objectContaining({ code: 'HANDLER_MISSING', message: expect.stringContaining('docs/score-msk') }),
  );
});
