import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** A TCP proxy that a test makes a bad network of. */
export type Proxy = {
  readonly port: number;
  /** Milliseconds that bytes wait, in each direction. */
  latencyMs: number;
  /** Swallows what the server answers: requests arrive, replies do not. */
  areRepliesLost: boolean;
  /** Nothing comes through either way, and nobody is told. */
  isCut: boolean;
  /** Ends all connections with a reset; how many there were. */
  readonly reset: () => number;
  readonly close: () => Promise<void>;
};

/** Opens a proxy in front of a port of this host, on a port that is asked for. */
export async function openProxy({
  port,
  target,
}: {
  readonly port: number;
  readonly target: () => number;
}): Promise<Proxy> {
  const pairs = new Set<readonly [Socket, Socket]>();
  const server = createServer((client) => {
    const upstream = connect(target(), '127.0.0.1');
    const pair = [client, upstream] as const;
    pairs.add(pair);
    const end = (): void => {
      pairs.delete(pair);
      client.destroy();
      upstream.destroy();
    };
    client
      .on('data', (bytes) => pass(upstream, bytes, 'request'))
      .on('error', end)
      .on('close', end);
    upstream
      .on('data', (bytes) => pass(client, bytes, 'reply'))
      .on('error', end)
      .on('close', end);
  });
  const pass = (to: Socket, bytes: Buffer, kind: 'request' | 'reply'): void => {
    if (proxy.isCut || (kind === 'reply' && proxy.areRepliesLost)) return;
    if (proxy.latencyMs === 0) to.write(bytes);
    else setTimeout(() => to.writable && to.write(bytes), proxy.latencyMs);
  };
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const proxy: Proxy = {
    port: address === null || typeof address === 'string' ? port : address.port,
    latencyMs: 0,
    areRepliesLost: false,
    isCut: false,
    reset: () => {
      const count = pairs.size;
      for (const [client, upstream] of pairs) {
        client.resetAndDestroy();
        upstream.resetAndDestroy();
      }
      return count;
    },
    close: async () => {
      proxy.reset();
      server.close();
      await once(server, 'close');
    },
  };
  return proxy;
}
