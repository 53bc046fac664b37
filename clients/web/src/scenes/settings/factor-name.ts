import type { SecondFactor } from '@/gen/plexus/directory/v1/session_service_pb';
import { plainName } from '@/kit/text';

/** Return what a second factor is called: its own name, or that of its kind. */
export function factorName(factor: SecondFactor, kinds: Readonly<Record<number, string>>): string {
  return plainName(factor.name) || (kinds[factor.kind] ?? '');
}
