import { S3ServiceException } from '@aws-sdk/client-s3';
import { WeirError } from '../../core/contract/failure.ts';

/** Is there no such object? A bucket that is missing is a failure. */
export function isMissing(error: unknown): boolean {
  return error instanceof S3ServiceException && (error.name === 'NoSuchKey' || error.name === 'NotFound');
}

/**
 * Did a condition not hold? With `If-Match` an object that is gone is 404; another conditional write that is under way at the
 * same time is 409 (https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html).
 */
export function isRefused(error: unknown): boolean {
  if (!(error instanceof S3ServiceException)) return false;
  const status = error.$metadata.httpStatusCode;
  return status === 412 || status === 409 || error.name === 'NoSuchKey';
}

/** A failure of S3 as a `WeirError`. */
export function s3Failure(error: unknown, doing: string): unknown {
  if (error instanceof WeirError) return error;
  const name = error instanceof Error ? error.name : 'unknown';
  const status = error instanceof S3ServiceException ? (error.$metadata.httpStatusCode ?? null) : null;
  const facts = { name, status };
  const message = `${doing}: ${error instanceof Error ? error.message : String(error)} (${name})`;
  if (name === 'NoSuchBucket') {
    return new WeirError({
      code: 'S3_BUCKET_UNKNOWN',
      message,
      fix: 'Make the bucket, or name another.',
      facts,
      cause: error,
    });
  }
  if (status === 403 || name === 'CredentialsProviderError') {
    return new WeirError({
      code: 'S3_DENIED',
      message,
      fix: 'Allow s3:GetObject, s3:PutObject and s3:DeleteObject below the prefix.',
      facts,
      cause: error,
    });
  }
  return new WeirError({ code: 'S3_UNREACHABLE', message, fix: 'It is tried again.', facts, cause: error });
}
