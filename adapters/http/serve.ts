import { once } from 'node:events';
import { createServer } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import type { createApp } from './app.ts';

/** A server that listens. */
export type Listening = { readonly url: string; readonly close: () => Promise<void> };

const portsTried = 20;
/** Longer than a balancer in front keeps a connection that waits, which is 60 s by default on AWS: it closes first. */
const keepAliveTimeout = 65_000;

/** Listens on a port or, when it is taken, on the next free one; 0 is any. */
export async function listen(
  { app, direct }: ReturnType<typeof createApp>,
  {
    host,
    port,
    isLeaving = () => false,
  }: { readonly host: string; readonly port: number; readonly isLeaving?: (() => boolean) | undefined },
): Promise<Listening> {
  for (let attempt = 0; ; attempt++) {
    const listener = getRequestListener(app.fetch);
    const server = createServer({ keepAliveTimeout, headersTimeout: keepAliveTimeout }, (request, response) => {
      // Who would ask again over this connection finds another server by a new one.
      if (isLeaving()) response.setHeader('connection', 'close');
      if (!direct(request, response)) void listener(request, response);
    });
    server.listen(port === 0 ? 0 : port + attempt, host);
    try {
      await once(server, 'listening');
    } catch (error) {
      const isTaken = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
      if (isTaken && attempt < portsTried) continue;
      throw error;
    }
    const address = server.address();
    const bound = address === null || typeof address === 'string' ? port : address.port;
    return {
      url: `http://${host.includes(':') ? `[${host}]` : host}:${bound}`,
      close: async () => {
        const closed = once(server, 'close');
        server.close();
        // Connections that wait for a next request would hold it open.
        server.closeIdleConnections();
        await closed;
      },
    };
  }
}
