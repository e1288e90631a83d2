import {
  Admin,
  type BaseOptions,
  ConfigResourceTypes,
  IncrementalAlterConfigOperationTypes,
} from '@platformatic/kafka';
import { asked } from './platformatic-failure.ts';
import type { KafkaAdmin, PartitionEnds, SourceOffset, TopicDescription, TopicPartition } from './port.ts';
import { closeWithin } from './time-limit.ts';

const earliest = -2n;
const latest = -1n;

/** What is asked of a cluster, through @platformatic/kafka. */
export function openPlatformaticAdmin(base: BaseOptions): KafkaAdmin {
  const admin = new Admin(base);
  return {
    createTopics: async (topics) => {
      for (const { topic, partitions, replicas = -1, configs = {} } of topics) {
        const entries = Object.entries(configs).map(([name, value]) => ({ name, value }));
        const options = { topics: [topic], partitions, replicas, configs: entries };
        await asked(`making topic ${topic}`, () => admin.createTopics(options));
      }
    },
    listTopics: () => asked('listing topics', () => admin.listTopics()),
    describeTopic: (topic) => asked(`describing topic ${topic}`, () => describe(admin, topic)),
    increasePartitions: (topic, count) =>
      asked(`adding partitions to ${topic}`, () =>
        admin.createPartitions({ topics: [{ name: topic, count, assignments: null }] }),
      ),
    alterConfigs: (topic, configs) =>
      asked(`changing settings of ${topic}`, () => {
        const configOperation = IncrementalAlterConfigOperationTypes.SET;
        const entries = Object.entries(configs).map(([name, value]) => ({ name, configOperation, value }));
        const resource = { resourceType: ConfigResourceTypes.TOPIC, resourceName: topic, configs: entries };
        return admin.incrementalAlterConfigs({ resources: [resource] });
      }),
    deleteTopics: (topics) => asked(`deleting ${topics.join(', ')}`, () => admin.deleteTopics({ topics: [...topics] })),
    ends: (topic) => asked(`looking up the ends of ${topic}`, () => ends(admin, topic)),
    committed: (group, partitions) =>
      asked(`looking up what group ${group} committed`, () => committed(admin, group, partitions)),
    close: () => closeWithin(() => admin.close()),
  };
}

async function describe(admin: Admin, topic: string): Promise<TopicDescription> {
  const resource = { resourceType: ConfigResourceTypes.TOPIC, resourceName: topic };
  // First, as it says plainly when there is no such topic.
  const [described] = await admin.describeConfigs({ resources: [resource] });
  const metadata = await admin.metadata({ topics: [topic], forceUpdate: true });
  const configs = new Map((described?.configs ?? []).map(({ name, value }) => [name, value ?? '']));
  return { topic, partitions: metadata.topics.get(topic)?.partitionsCount ?? 0, configs };
}

async function ends(admin: Admin, topic: string): Promise<PartitionEnds[]> {
  const metadata = await admin.metadata({ topics: [topic], forceUpdate: true });
  const count = metadata.topics.get(topic)?.partitionsCount ?? 0;
  const offsetsAt = async (timestamp: bigint): Promise<Map<number, number>> => {
    const partitions = Array.from({ length: count }, (_, partitionIndex) => ({ partitionIndex, timestamp }));
    const listed = await admin.listOffsets({ topics: [{ name: topic, partitions }] });
    return new Map(listed.flatMap((found) => found.partitions.map((at) => [at.partitionIndex, Number(at.offset)])));
  };
  const first = await offsetsAt(earliest);
  const next = await offsetsAt(latest);
  return Array.from({ length: count }, (_, partition) => ({
    partition,
    firstOffset: first.get(partition) ?? 0,
    nextOffset: next.get(partition) ?? 0,
  }));
}

async function committed(admin: Admin, groupId: string, wanted: readonly TopicPartition[]): Promise<SourceOffset[]> {
  const names = [...new Set(wanted.map(({ topic }) => topic))];
  const topics = names.map((name) => ({
    name,
    partitionIndexes: wanted.filter(({ topic }) => topic === name).map(({ partition }) => partition),
  }));
  const groups = await admin.listConsumerGroupOffsets({ groups: [{ groupId, topics }], requireStable: true });
  return groups.flatMap((group) =>
    group.topics.flatMap(({ name, partitions }) =>
      partitions
        .filter(({ committedOffset }) => committedOffset >= 0n)
        .map((at) => ({ topic: name, partition: at.partitionIndex, nextOffset: Number(at.committedOffset) })),
    ),
  );
}
