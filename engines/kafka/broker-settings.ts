import { join } from 'node:path';

/** Where a broker listens, on this host alone, and keeps its data. */
export type BrokerPlace = {
  readonly dir: string;
  readonly port: number;
  readonly controllerPort: number;
  /** A second listener, whose clients are sent to another port: that of a proxy in between. */
  readonly far?: { readonly port: number; readonly advertisedPort: number } | undefined;
};

/**
 * The settings of a broker that is its own controller (KRaft). With one broker every internal topic must say replication
 * factor 1; few partitions of those start faster. Groups do not wait for more members before their first assignment.
 */
export function brokerSettings(place: BrokerPlace, extra: Readonly<Record<string, string>> = {}): string {
  const { dir, port, controllerPort, far } = place;
  const farListener = far === undefined ? '' : `,FAR://127.0.0.1:${far.port}`;
  const farAdvertised = far === undefined ? '' : `,FAR://127.0.0.1:${far.advertisedPort}`;
  const settings: Readonly<Record<string, string>> = {
    'process.roles': 'broker,controller',
    'node.id': '1',
    'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}${farListener}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}${farAdvertised}`,
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'PLAINTEXT',
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,FAR:PLAINTEXT',
    'log.dirs': dataDirOf(dir),
    'num.partitions': '8',
    'auto.create.topics.enable': 'false',
    'default.replication.factor': '1',
    'min.insync.replicas': '1',
    'offsets.topic.replication.factor': '1',
    'offsets.topic.num.partitions': '4',
    'transaction.state.log.replication.factor': '1',
    'transaction.state.log.min.isr': '1',
    'transaction.state.log.num.partitions': '4',
    'share.coordinator.state.topic.replication.factor': '1',
    'share.coordinator.state.topic.min.isr': '1',
    'share.coordinator.state.topic.num.partitions': '4',
    'group.initial.rebalance.delay.ms': '0',
    'log.index.size.max.bytes': '1048576',
    'log.cleaner.dedupe.buffer.size': '4194304',
    'log.cleaner.threads': '1',
    'num.network.threads': '2',
    'num.io.threads': '2',
    'background.threads': '2',
    ...extra,
  };
  return Object.entries(settings)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
}

/** Where a broker keeps its logs. */
export function dataDirOf(dir: string): string {
  return join(dir, 'data');
}
