import { useEffect, useState } from 'react';

import { loadMatcher, type Matcher } from '@/kit/pinyin';

/** Return the matcher by pinyin once its dictionary is loaded. */
export function useMatcher(): Matcher | undefined {
  const [matcher, setMatcher] = useState<Matcher | undefined>(undefined);
  useEffect(() => {
    let isWanted = true;
    // Without the dictionary, names are still matched by characters.
    loadMatcher().then(
      (loaded) => {
        if (isWanted) setMatcher(() => loaded);
      },
      () => undefined,
    );
    return () => {
      isWanted = false;
    };
  }, []);
  return matcher;
}
