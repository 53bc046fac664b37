import { Choices } from '@/components/controls';
import { useCell } from '@/kit/cell';
import { useTexts } from '@/messages/subjects';
import { ProfileStore } from '@/stores/account/profile';
import { useDevice, useWorkspace } from '@/stores/context';
import { storeOf } from '@/stores/lazy';
import type { Locale, Theme } from '@/stores/preferences';

import { Panel, ProblemNote } from './parts';
import { useChanges } from './use-changes';

const THEMES: readonly Theme[] = ['system', 'light', 'dark'];
const LANGUAGES: readonly Locale[] = ['zh-CN', 'en'];

export function Appearance() {
  const { appearance } = useTexts('settings');
  const { preferences } = useDevice();
  const profile = storeOf(useWorkspace(), ProfileStore);
  const theme = useCell(preferences.theme);
  const locale = useCell(preferences.locale);
  const { problem, run } = useChanges();
  return (
    <>
      <Panel title={appearance.theme} note={appearance.themeNote}>
        <Choices
          label={appearance.theme}
          value={theme}
          options={THEMES.map((value) => ({ value, label: appearance.themes[value] }))}
          onChange={(value) => preferences.setTheme(value)}
        />
      </Panel>
      <Panel title={appearance.language} note={appearance.languageNote}>
        <Choices
          label={appearance.language}
          value={locale}
          options={LANGUAGES.map((value) => ({ value, label: appearance.languages[value] }))}
          onChange={(value) => {
            preferences.setLocale(value);
            void run(() => profile.setLocale(value));
          }}
        />
        <ProblemNote problem={problem} />
      </Panel>
    </>
  );
}
