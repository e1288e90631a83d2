import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { z } from 'zod';
import type { Claim, PartitionProgress } from '../../core/steps/keyed-port.ts';
import { numberOf, textOf } from './attributes.ts';

/** What a partition's item says, once its epoch is ours. */
export function claimItem(source: string, item: Readonly<Record<string, AttributeValue>>): Claim {
  const epoch = numberOf(item['epoch']);
  const text = textOf(item['progress']);
  const progress = text === '' ? beginning : progressSchema.parse(JSON.parse(text));
  return { source, epoch, progress };
}

/** Progress as the item holds it. */
export function progressAttributes(progress: PartitionProgress): AttributeValue {
  return { S: JSON.stringify(progress) };
}

const beginning: PartitionProgress = { position: null, nextOffset: 0, inputs: [], stateMs: null };

const progressSchema = z.strictObject({
  position: z.strictObject({ sequence: z.string(), subsequence: z.number() }).nullable(),
  nextOffset: z.number(),
  inputs: z.array(z.tuple([z.string(), z.number()])),
  stateMs: z.number().nullable(),
});
