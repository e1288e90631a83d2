import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import * as s3 from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import { acknowledge } from './acknowledge.ts';

/** A bucket that outlives its stack: versioned, encrypted by our key, TLS only, its accesses logged beside it. */
export function keptBucket(
  scope: Construct,
  id: string,
  { dataKey, expireDays }: { readonly dataKey: IKey; readonly expireDays: number | null },
): s3.Bucket {
  const closed = {
    blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
    enforceSSL: true,
    minimumTLSVersion: 1.2,
    objectOwnership: s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
    removalPolicy: RemovalPolicy.RETAIN,
  };
  const accessLogs = new s3.Bucket(scope, `${id}Access`, {
    ...closed,
    encryption: s3.BucketEncryption.S3_MANAGED,
    lifecycleRules: [{ expiration: Duration.days(90) }],
  });
  const bucket = new s3.Bucket(scope, id, {
    ...closed,
    encryption: s3.BucketEncryption.KMS,
    encryptionKey: dataKey,
    bucketKeyEnabled: true,
    versioned: true,
    serverAccessLogsBucket: accessLogs as s3.IBucket,
    lifecycleRules: [
      { noncurrentVersionExpiration: Duration.days(30), abortIncompleteMultipartUploadAfter: Duration.days(2) },
      ...(expireDays === null ? [] : [{ expiration: Duration.days(expireDays) }]),
    ],
  });
  const logsOnly = 'It holds access logs alone, which S3 writes with its own key only.';
  acknowledge(accessLogs, {
    'AwsSolutions-S1': 'It is where access logs go: a log of itself would not end.',
    'PCI.DSS.321-S3BucketLoggingEnabled': 'It is where access logs go: a log of itself would not end.',
    'PCI.DSS.321-S3BucketVersioningEnabled': 'Access logs are written once and expire.',
    'PCI.DSS.321-S3DefaultEncryptionKMS': logsOnly,
    'PCI.DSS.321-S3BucketReplicationEnabled': 'Access logs are kept in one region for 90 days.',
  });
  acknowledge(bucket, {
    'PCI.DSS.321-S3BucketReplicationEnabled':
      'One region is what this deployment is for: versions, and the log that it can be made from again, are the copies.',
  });
  return bucket;
}
