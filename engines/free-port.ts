import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** A port of this host that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('got no port, expected a TCP address');
  return address.port;
}

/** Waits until somebody listens on a port of this host: for a server that says nothing when it does. */
export async function untilListening(port: number, signal: AbortSignal): Promise<void> {
  for (;;) {
    const socket = connect(port, '127.0.0.1');
    try {
      await once(socket, 'connect');
      return;
    } catch {
      await delay(pollMs, undefined, { signal });
    } finally {
      socket.destroy();
    }
  }
}

const pollMs = 50;
