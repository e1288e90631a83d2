import { describe, expect, test } from 'vitest';
import { createLane } from '../../runtime/in-turn.ts';

describe('a lane of work that holds the thread', () => {
  test('pieces run one after the other, and what else waits for the thread runs between them', async () => {
    const lane = createLane();
    const order: string[] = [];
    const first = lane(() => order.push('first'));
    const second = lane(() => order.push('second'));
    setImmediate(() => order.push('between'));
    await Promise.all([first, second]);
    expect(order).toEqual(['first', 'between', 'second']);
  });

  test('a piece that fails tells its own caller alone', async () => {
    const lane = createLane();
    const failing = lane(() => {
      throw new RangeError('no');
    });
    const next = lane(async () => 'done');
    await expect(failing).rejects.toThrow('no');
    expect(await next).toBe('done');
  });
});
