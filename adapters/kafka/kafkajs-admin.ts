import kafkajs, { type Admin, type Kafka } from 'kafkajs';
import { asked } from './kafkajs-failure.ts';
import type { KafkaAdmin, SourceOffset, TopicPartition } from './port.ts';
import { closeWithin } from './time-limit.ts';

/** What is asked of a cluster, through kafkajs. */
export async function openKafkajsAdmin(kafka: Kafka): Promise<KafkaAdmin> {
  const admin = kafka.admin();
  await asked('connecting', () => admin.connect());
  return {
    createTopics: async (topics) => {
      for (const { topic, partitions, replicas = -1, configs = {} } of topics) {
        const configEntries = Object.entries(configs).map(([name, value]) => ({ name, value }));
        const wanted = { topic, numPartitions: partitions, replicationFactor: replicas, configEntries };
        await asked(`making topic ${topic}`, async () => {
          // It answers false where the topic is there already.
          const isNew = await admin.createTopics({ topics: [wanted], waitForLeaders: true });
          if (!isNew) throw Object.assign(new Error(`${topic} is there already`), { type: 'TOPIC_ALREADY_EXISTS' });
        });
      }
    },
    listTopics: () => asked('listing topics', () => admin.listTopics()),
    describeTopic: (topic) =>
      asked(`describing topic ${topic}`, async () => {
        const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
        return { topic, partitions: topics[0]?.partitions.length ?? 0, configs: await configsOf(admin, topic, 'all') };
      }),
    increasePartitions: (topic, count) =>
      asked(`adding partitions to ${topic}`, async () => {
        await admin.createPartitions({ topicPartitions: [{ topic, count }] });
      }),
    alterConfigs: (topic, configs) =>
      asked(`changing settings of ${topic}`, async () => {
        // Its request replaces all settings of a topic: those that stay are said again.
        const merged = { ...Object.fromEntries(await configsOf(admin, topic, 'own')), ...configs };
        const configEntries = Object.entries(merged).map(([name, value]) => ({ name, value }));
        const resource = { type: kafkajs.ConfigResourceTypes.TOPIC, name: topic, configEntries };
        await admin.alterConfigs({ validateOnly: false, resources: [resource] });
      }),
    deleteTopics: (topics) => asked(`deleting ${topics.join(', ')}`, () => admin.deleteTopics({ topics: [...topics] })),
    ends: (topic) =>
      asked(`looking up the ends of ${topic}`, async () => {
        const found = await admin.fetchTopicOffsets(topic);
        return found
          .map(({ partition, low, high }) => ({ partition, firstOffset: Number(low), nextOffset: Number(high) }))
          .sort((left, right) => left.partition - right.partition);
      }),
    committed: (group, partitions) =>
      asked(`looking up what group ${group} committed`, () => committed(admin, group, partitions)),
    close: () => closeWithin(() => admin.disconnect()),
  };
}

/** The settings of a topic: all that hold for it, or its own alone. */
async function configsOf(admin: Admin, topic: string, which: 'all' | 'own'): Promise<ReadonlyMap<string, string>> {
  const resource = { type: kafkajs.ConfigResourceTypes.TOPIC, name: topic };
  const { resources } = await admin.describeConfigs({ resources: [resource], includeSynonyms: false });
  const entries = resources[0]?.configEntries ?? [];
  const wanted = entries.filter(({ isDefault }) => which === 'all' || !isDefault);
  return new Map(wanted.map(({ configName, configValue }) => [configName, configValue]));
}

async function committed(admin: Admin, groupId: string, wanted: readonly TopicPartition[]): Promise<SourceOffset[]> {
  const topics = [...new Set(wanted.map(({ topic }) => topic))];
  const found = await admin.fetchOffsets({ groupId, topics });
  return found.flatMap(({ topic, partitions }) =>
    partitions
      .filter((at) => Number(at.offset) >= 0)
      .filter((at) => wanted.some((want) => want.topic === topic && want.partition === at.partition))
      .map((at) => ({ topic, partition: at.partition, nextOffset: Number(at.offset) })),
  );
}
