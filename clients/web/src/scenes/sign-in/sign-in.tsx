import { Button } from '@/components/button';
import { useCell } from '@/kit/cell';
import { useMessages } from '@/messages/context';
import { useDevice } from '@/stores/context';

import { CodeForm } from './code-form';
import { PasswordForm } from './password-form';
import styles from './sign-in.module.css';

/** The sign-in page. */
export function SignIn() {
  const messages = useMessages();
  const { session, preferences } = useDevice();
  const state = useCell(session.state);
  const locale = useCell(preferences.locale);
  return (
    <main className={styles.page}>
      <div className={styles.languages}>
        <Button
          look="plain"
          onPress={() => preferences.setLocale(locale === 'en' ? 'zh-CN' : 'en')}
        >
          <span lang={locale === 'en' ? 'zh-CN' : 'en'}>{messages.signIn.otherLanguage}</span>
        </Button>
      </div>
      <div className={styles.card}>
        <img className={styles.mark} src="/favicon.svg" alt="" />
        {state.step === 'challenged' ? (
          <CodeForm challenge={state.challenge} />
        ) : (
          <>
            <h1>{messages.signIn.title}</h1>
            <p className={styles.lead}>{messages.signIn.lead}</p>
            <PasswordForm />
          </>
        )}
      </div>
    </main>
  );
}
