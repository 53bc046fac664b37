import { useEffect } from 'react';

import { useCell } from '@/kit/cell';
import type { PreferencesStore } from '@/stores/preferences';

/** Set the theme of the page: the user's choice, or that of the system. */
export function useTheme(preferences: PreferencesStore): void {
  const theme = useCell(preferences.theme);
  useEffect(() => {
    const dark = matchMedia('(prefers-color-scheme: dark)');
    function apply(): void {
      const isDark = theme === 'dark' || (theme === 'system' && dark.matches);
      document.documentElement.dataset.theme = isDark ? 'dark' : 'light';
    }
    apply();
    dark.addEventListener('change', apply);
    return () => dark.removeEventListener('change', apply);
  }, [theme]);
}
