import { WeirError } from '../../core/contract/failure.ts';

/** The registry did not answer, after all attempts. */
export function unreachable(registry: string, cause: unknown): WeirError {
  return new WeirError({
    code: 'REGISTRY_UNREACHABLE',
    message: `got no answer from the schema registry ${registry}, expected one: ${reasonOf(cause)}`,
    fix: 'Look whether it runs and can be reached from here; nothing was lost.',
    facts: { registry },
    cause,
  });
}

/** The registry answered, and refused what was asked. */
export function refused(registry: string, why: string): WeirError {
  return new WeirError({
    code: 'REGISTRY_REFUSED',
    message: `the schema registry ${registry} refused: ${why}`,
    fix: 'Correct --registry: its address, name and credentials.',
    facts: { registry },
  });
}

/** A subject's mode does not let a schema follow the ones that it has. */
export function incompatible(subject: string, why: string): WeirError {
  return new WeirError({
    code: 'SCHEMA_INCOMPATIBLE',
    message: `got a schema of ${subject} that those before do not allow: ${why}`,
    fix: 'Take the change of the contract back, or give it a new version (.v2) beside the old one.',
    facts: { subject },
  });
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
