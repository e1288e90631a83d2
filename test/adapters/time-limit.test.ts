import { once } from 'node:events';
import { createServer, connect } from 'node:net';
import { describe, expect, test } from 'vitest';
import { withinLimit } from '../../adapters/kafka/time-limit.ts';

/** Holds the thread, as opening a large state does. */
function work(lengthMs: number): void {
  const untilMs = performance.now() + lengthMs;
  while (performance.now() < untilMs);
}

describe('a limit of time on a call', () => {
  test('a call that nobody answers fails by its name once the limit has passed', async () => {
    const asking = withinLimit({ doing: 'asking', limitMs: 300 }, () => new Promise(() => undefined));
    await expect(asking).rejects.toMatchObject({ code: 'KAFKA_UNREACHABLE', facts: { doing: 'asking', limitMs: 300 } });
  });

  test('an answer that came while the thread did other work for longer than the limit is taken', async () => {
    const server = createServer((socket) => socket.end('answer'));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('got no port, expected one');
    const socket = connect(address.port, '127.0.0.1');
    await once(socket, 'connect');
    const asking = withinLimit({ doing: 'asking', limitMs: 300 }, async () => {
      const [bytes] = await once(socket, 'data');
      return String(bytes);
    });
    work(700);
    expect(await asking).toBe('answer');
    server.close();
  });
});
