import { Button } from '@/components/button';
import { Page } from '@/components/page';
import { useTexts } from '@/messages/subjects';
import { useWorkspace } from '@/stores/context';

import { GuideBlocks } from './guide-blocks';
import styles from './help.module.css';

/** The quick-start guide. */
export function HelpScene() {
  const texts = useTexts('help');
  const guide = useTexts('guide');
  const { view } = useWorkspace();
  return (
    <Page
      title={guide.title}
      actions={<Button onPress={() => view.tour.set(true)}>{texts.tour}</Button>}
    >
      <div className={styles.guide}>
        <GuideBlocks blocks={guide.lead} />
        <nav className={styles.contents} aria-label={texts.contents}>
          <ol>
            {guide.sections.map(({ id, title }) => (
              <li key={id}>
                <a href={`#${id}`}>{title}</a>
              </li>
            ))}
          </ol>
        </nav>
        {guide.sections.map(({ id, title, blocks }) => (
          <section key={id} className={styles.section} aria-labelledby={id}>
            <h2 id={id} tabIndex={-1}>
              {title}
            </h2>
            <GuideBlocks blocks={blocks} />
          </section>
        ))}
      </div>
    </Page>
  );
}
