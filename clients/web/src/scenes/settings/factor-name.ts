import type { SecondFactor } from '@/gen/plexus/directory/v1/session_service_pb';
import { plainName } from '@/kit/text';

/** Return the name of a second factor: its own, or that of its kind. */
export function factorName(factor: SecondFactor, kinds: Readonly<Record<number, string>>): string {
  return plainName(factor.name) || (kinds[factor.kind] ?? '');
}
