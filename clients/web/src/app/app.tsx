import { RouterProvider } from '@tanstack/react-router';
import { lazy, Suspense, useEffect, useMemo, useState } from 'react';
import { I18nProvider } from 'react-aria-components';

import { Button } from '@/components/button';
import { Waiting } from '@/components/waiting';
import { useCell } from '@/kit/cell';
import { LanguageContext, type Language } from '@/messages/context';
import { Format } from '@/messages/format';
import { loadMessages } from '@/messages/messages';
import { openWorkspace, type Device } from '@/stores/client';
import { DeviceContext, useDevice, WorkspaceContext } from '@/stores/context';

import styles from './app.module.css';
import { router } from './router';
import { useTheme } from './theme';

// Signed-in users do not need it.
const SignIn = lazy(async () => ({ default: (await import('@/scenes/sign-in/sign-in')).SignIn }));

export function App({ device }: { readonly device: Device }) {
  const locale = useCell(device.preferences.locale);
  const [language, setLanguage] = useState<Language | undefined>(undefined);
  useTheme(device.preferences);
  useEffect(() => {
    document.documentElement.lang = locale;
    void loadMessages(locale).then((messages) =>
      setLanguage({ locale, messages, format: new Format(locale, messages) }),
    );
  }, [locale]);
  if (language === undefined) return null;
  return (
    <I18nProvider locale={locale === 'en' ? 'en-US' : locale}>
      <LanguageContext value={language}>
        <DeviceContext value={device}>
          <Session language={language} />
        </DeviceContext>
      </LanguageContext>
    </I18nProvider>
  );
}

function Session({ language }: { readonly language: Language }) {
  const { session } = useDevice();
  const state = useCell(session.state);
  const { product, starting } = language.messages;
  const waiting = <Waiting title={product} label={starting.loading} />;
  switch (state.step) {
    case 'starting':
      return waiting;
    case 'offline':
      return (
        <main className={styles.offline}>
          <h1>{product}</h1>
          <p role="status">{starting.offline}</p>
          <Button look="primary" onPress={() => void session.resume()}>
            {starting.retry}
          </Button>
        </main>
      );
    case 'signed-out':
    case 'challenged':
      return (
        <Suspense fallback={waiting}>
          <SignIn />
        </Suspense>
      );
    case 'signed-in':
      return <SignedIn personId={state.personId} />;
  }
}

function SignedIn({ personId }: { readonly personId: string }) {
  const device = useDevice();
  const workspace = useMemo(() => openWorkspace(device, personId), [device, personId]);
  return (
    <WorkspaceContext value={workspace}>
      <RouterProvider router={router} />
    </WorkspaceContext>
  );
}
