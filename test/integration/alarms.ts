import { once } from 'node:events';
import { createServer } from 'node:http';
import { type CloudWatchClient, SetAlarmStateCommand } from '@aws-sdk/client-cloudwatch';
import { ConfirmSubscriptionCommand, ListTopicsCommand, SNSClient, SubscribeCommand } from '@aws-sdk/client-sns';
import { z } from 'zod';

/** Sets each alarm of a rule, but for those that it wants quiet. */
export async function ringAll(client: CloudWatchClient, rule: string): Promise<void> {
  const names = [...rule.matchAll(/(?<!NOT \(?)ALARM\("?(?:[^")]*:alarm:)?([^")]+)"?\)/g)].map(([, one = '']) => one);
  if (names.length === 0) throw new Error(`got the rule ${rule}, expected alarms in it`);
  for (const AlarmName of names)
    await client.send(new SetAlarmStateCommand({ AlarmName, StateValue: 'ALARM', StateReason: 'asked for' }));
}

type Pager = { readonly alarms: readonly string[]; readonly close: () => void };

/** A pager: subscribed to a topic, it keeps the names of the alarms that it is told of. */
export async function openPager(topic: string): Promise<Pager> {
  const alarms: string[] = [];
  const client = new SNSClient({});
  const { promise: subscribed, resolve } = Promise.withResolvers<unknown>();
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      response.end();
      const { Type, TopicArn, Token, Message } = notification.parse(JSON.parse(Buffer.concat(chunks).toString()));
      if (Type === 'SubscriptionConfirmation')
        resolve(client.send(new ConfirmSubscriptionCommand({ TopicArn, Token })));
      if (Type !== 'Notification') return;
      const { AlarmName, NewStateValue } = alarmMessage.parse(JSON.parse(Message));
      if (NewStateValue === 'ALARM') alarms.push(AlarmName);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('got no port, expected a TCP address');
  const { Topics = [] } = await client.send(new ListTopicsCommand({}));
  const TopicArn = Topics.map((one) => one.TopicArn ?? '').find((arn) => arn.endsWith(`:${topic}`));
  await client.send(
    new SubscribeCommand({ TopicArn, Protocol: 'http', Endpoint: `http://127.0.0.1:${address.port}/` }),
  );
  await subscribed;
  const close = (): void => {
    server.close();
    client.destroy();
  };
  return { alarms, close };
}

const notification = z.object({
  Type: z.string(),
  TopicArn: z.string(),
  Token: z.string().optional(),
  Message: z.string(),
});
const alarmMessage = z.object({ AlarmName: z.string(), NewStateValue: z.string() });
