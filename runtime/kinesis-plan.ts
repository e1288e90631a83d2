import { join } from 'node:path';
import { z } from 'zod';
import { realDisk } from '../adapters/files/disk.ts';
import { makeDirectory, readTextIfAny, writeDurably, writeFully } from '../adapters/files/durable-file.ts';
import { WeirError } from '../core/contract/failure.ts';
import type { KinesisStream } from '../adapters/kinesis/port.ts';
import { authorizationContract } from '../core/contract/authorization.ts';
import type { Assembled } from './assemble.ts';
import type { KinesisPlan } from './kinesis-shard.ts';

/** The stream that `kinesis://STREAM` names. Throws `SOURCE_INVALID`. */
export function parseKinesisSource(text: string): string {
  const [, stream] = /^kinesis:\/\/([a-zA-Z0-9_.-]{1,128})$/.exec(text) ?? [];
  if (stream !== undefined) return stream;
  throw new WeirError({
    code: 'SOURCE_INVALID',
    message: `got ${text}, expected kinesis://STREAM`,
    fix: 'Such as --source kinesis://payments.authorization.v1; the region and the endpoint are those of the environment.',
  });
}

/** A feature by a key that is spread over shards would see a part of what it counts. Throws `FOREIGN_KEYS`. */
export function assertOwnKeys({ weir }: Assembled, shards: number): void {
  const { key, nested } = authorizationContract;
  const own: readonly string[] = [key, ...nested];
  const foreign = weir.features.plan.keys.filter((name) => !own.includes(name));
  if (shards === 1 || foreign.length === 0) return;
  throw new WeirError({
    code: 'FOREIGN_KEYS',
    message: `got features by ${foreign.join(', ')} over ${shards} shards, expected keys that lie in one: ${own.join(', ')}`,
    fix: 'Give the stream one shard, take a --definition whose features are by those keys, or run on Kafka.',
    facts: { shards, foreign: foreign.join(',') },
  });
}

const keptSchema = z.strictObject({ group: z.string(), stream: z.string(), shardIds: z.array(z.string()) });

/**
 * The shards of the stream, which must be those that the state was begun with: a split or a merge moves keys away from
 * their state. Throws `SHARDS_CHANGED`, `RUN_CHANGED` and `STREAM_UNKNOWN`.
 */
export async function assertShards(plan: Pick<KinesisPlan, 'group' | 'source' | 'state'>): Promise<readonly string[]> {
  const shards = await plan.source.listShards();
  const shardIds = shards.map(({ shardId }) => shardId).toSorted();
  const { group, source, state } = plan;
  const parent = shards.find(({ parentIds }) => parentIds.some((id) => shardIds.includes(id)));
  if (parent !== undefined)
    throw shardsChanged(source, `${parent.shardId}, which has a parent that holds records still`);
  const asked = { group, stream: source.name, shardIds };
  makeDirectory(realDisk, state);
  const path = join(state, 'worker.json');
  const text = readTextIfAny(realDisk, path);
  if (text === null) {
    const content = `${JSON.stringify(asked, null, 2)}\n`;
    writeDurably(realDisk, path, (fd) => writeFully(realDisk, fd, Buffer.from(content)));
    return shardIds;
  }
  const kept = keptSchema.parse(JSON.parse(text));
  if (kept.group !== group || kept.stream !== source.name) throw runChanged(state, { kept, asked });
  if (JSON.stringify(kept.shardIds) !== JSON.stringify(shardIds))
    throw shardsChanged(source, `${shardIds.length} shards, expected the ${kept.shardIds.length} it was begun with`);
  return shardIds;
}

/** Keys are elsewhere now than their state. */
export function shardsChanged({ name }: Pick<KinesisStream, 'name'>, got: string): WeirError {
  return new WeirError({
    code: 'SHARDS_CHANGED',
    message: `${name}: got ${got}: keys have moved away from their state`,
    fix: 'Stop all workers. Copy what comes into a new stream of as many shards as you want, and begin there with a new --group and --state.',
    facts: { stream: name },
  });
}

type Kept = z.infer<typeof keptSchema>;

function runChanged(state: string, { kept, asked }: { readonly kept: Kept; readonly asked: Kept }): WeirError {
  return new WeirError({
    code: 'RUN_CHANGED',
    message: `${state} is the state of group ${kept.group} on ${kept.stream}, now group ${asked.group} on ${asked.stream}`,
    fix: 'Give this worker another --state, or the --group and stream that the state was begun with.',
    facts: { state },
  });
}
