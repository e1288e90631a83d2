import { once } from 'node:events';
import { createServer, request as forward } from 'node:http';
import { z } from 'zod';

/** Stands before an emulator and notes what is asked of it. */
export type RecordingProxy = {
  readonly endpoint: string;
  /** The actions since the last call, as policies name them, such as `dynamodb:PutItem`. */
  readonly takeActions: () => ReadonlySet<string>;
  readonly close: () => Promise<void>;
};

/** By the part of `x-amz-target` before the dot, without its version: the service as policies name it. */
const services: Readonly<Record<string, string>> = {
  DynamoDB: 'dynamodb',
  Kinesis: 'kinesis',
  secretsmanager: 'secretsmanager',
};

/** A transaction is allowed by what each of its parts is. */
const partActions: Readonly<Record<string, string>> = {
  Put: 'dynamodb:PutItem',
  Update: 'dynamodb:UpdateItem',
  Delete: 'dynamodb:DeleteItem',
  ConditionCheck: 'dynamodb:ConditionCheckItem',
};

/** Opens one on a free port. What it cannot name is noted as it came, so that nothing passes unseen. */
export async function openRecordingProxy(target: string): Promise<RecordingProxy> {
  let actions = new Set<string>();
  const server = createServer((incoming, answer) => {
    void incoming.toArray().then((chunks) => {
      const body = Buffer.concat(chunks.filter((chunk) => chunk instanceof Uint8Array));
      const asked = String(incoming.headers['x-amz-target'] ?? `${incoming.method} ${incoming.url}`);
      for (const action of actionsOf(asked, body)) actions.add(action);
      const { method, headers } = incoming;
      const onward = forward(new URL(incoming.url ?? '/', target), { method, headers }, (reply) => {
        answer.writeHead(reply.statusCode ?? 502, reply.headers);
        reply.pipe(answer);
      });
      onward.once('error', () => answer.destroy());
      onward.end(body);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = address === null || typeof address === 'string' ? 0 : address.port;
  return {
    endpoint: `http://127.0.0.1:${port}`,
    takeActions: () => {
      const taken = actions;
      actions = new Set();
      return taken;
    },
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

const transaction = z.object({ TransactItems: z.array(z.record(z.string(), z.unknown())) });

function actionsOf(asked: string, body: Buffer): readonly string[] {
  const [, service = '', action = ''] = /^([A-Za-z]+)(?:_\d+)?\.(\w+)$/.exec(asked) ?? [];
  const known = services[service];
  if (known === undefined) return [asked];
  if (action !== 'TransactWriteItems') return [`${known}:${action}`];
  const { TransactItems } = transaction.parse(JSON.parse(body.toString()));
  return TransactItems.flatMap((part) => Object.keys(part).map((kind) => partActions[kind] ?? `dynamodb:${kind}`));
}
