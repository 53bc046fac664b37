/** Guides of `docs/`, which `build/guide.ts` compiles. */
declare module '@docs/*.md' {
  import type { Guide } from '@/kit/guide';

  export const texts: Guide;
}
