import { DeleteObjectsCommand, GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { WeirError } from '../../core/contract/failure.ts';
import type { ObjectStore } from './port.ts';
import { isMissing, isRefused, s3Failure } from './s3-failure.ts';

const limits = { attempts: 5, requestMs: 30_000, connectMs: 5000, removedAtOnceMax: 1000 } as const;
const addressForm = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*?))?\/*$/;

/**
 * Opens `s3://BUCKET/PREFIX`, in the region, at the endpoint and with the credentials of the environment. Throws
 * `S3_ADDRESS_INVALID`.
 */
export function openObjectStore(address: string): ObjectStore {
  const [, bucket, prefix = ''] = addressForm.exec(address) ?? [];
  if (bucket === undefined) throw badAddress(address);
  const client = new S3Client({
    maxAttempts: limits.attempts,
    requestHandler: { requestTimeout: limits.requestMs, connectionTimeout: limits.connectMs },
    // Emulators have no host names of buckets.
    forcePathStyle: process.env['AWS_ENDPOINT_URL_S3'] !== undefined || process.env['AWS_ENDPOINT_URL'] !== undefined,
  });
  const place = (key: string) => ({ Bucket: bucket, Key: prefix === '' ? key : `${prefix}/${key}` });
  const asked = async <Answer>(what: string, run: () => Promise<Answer>): Promise<Answer> => {
    try {
      return await run();
    } catch (error) {
      throw s3Failure(error, `${what} in ${address}`);
    }
  };
  return {
    address,
    read: (key) =>
      asked(`reading ${key}`, async () => {
        try {
          const { Body, ETag } = await client.send(new GetObjectCommand(place(key)));
          if (Body === undefined || ETag === undefined) throw new Error('got an answer without body or tag');
          return { bytes: await Body.transformToByteArray(), tag: ETag };
        } catch (error) {
          if (isMissing(error)) return null;
          throw error;
        }
      }),
    write: (key, bytes) =>
      asked(
        `writing ${key}`,
        async () => void (await client.send(new PutObjectCommand({ ...place(key), Body: bytes }))),
      ),
    swap: (key, bytes, over) =>
      asked(`swapping ${key}`, async () => {
        const condition = over === null ? { IfNoneMatch: '*' } : { IfMatch: over };
        try {
          const { ETag } = await client.send(new PutObjectCommand({ ...place(key), Body: bytes, ...condition }));
          if (ETag === undefined) throw new Error('got an answer without a tag');
          return ETag;
        } catch (error) {
          if (isRefused(error)) return null;
          throw error;
        }
      }),
    remove: (keys) =>
      asked('removing objects', async () => {
        for (let from = 0; from < keys.length; from += limits.removedAtOnceMax) {
          const Objects = keys.slice(from, from + limits.removedAtOnceMax).map((key) => ({ Key: place(key).Key }));
          await client.send(new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects, Quiet: true } }));
        }
      }),
    close: () => client.destroy(),
  };
}

function badAddress(address: string): WeirError {
  return new WeirError({
    code: 'S3_ADDRESS_INVALID',
    message: `got ${address}, expected s3://BUCKET/PREFIX`,
    fix: 'Such as s3://weir-state/scorer.',
  });
}
