import { Link, useParams } from '@tanstack/react-router';
import type { ComponentType } from 'react';

import { Icon, type IconName } from '@/components/icon';
import { classes } from '@/kit/classes';
import { useTexts } from '@/messages/subjects';

import { Appearance } from './appearance';
import { Devices } from './devices';
import { NotificationChoices } from './notification-choices';
import { Profile } from './profile';
import { Security } from './security';
import styles from './settings.module.css';
import { Tokens } from './tokens';
import { WorkingHours } from './working-hours';

const SECTIONS = [
  { id: 'profile', icon: 'person', Content: Profile },
  { id: 'appearance', icon: 'palette', Content: Appearance },
  { id: 'hours', icon: 'clock', Content: WorkingHours },
  { id: 'notifications', icon: 'bell', Content: NotificationChoices },
  { id: 'security', icon: 'lock', Content: Security },
  { id: 'devices', icon: 'device', Content: Devices },
  { id: 'tokens', icon: 'key', Content: Tokens },
] as const satisfies readonly {
  readonly id: string;
  readonly icon: IconName;
  readonly Content: ComponentType;
}[];

/** Personal settings. A phone shows the list of sections first, then one of them. */
export function SettingsScene() {
  const texts = useTexts('settings');
  const { section }: { section?: string } = useParams({ strict: false });
  const named = SECTIONS.find(({ id }) => id === section);
  const { id, Content } = named ?? SECTIONS[0];
  return (
    <main
      className={classes(styles.settings, named !== undefined && styles.named)}
      id="main"
      tabIndex={-1}
    >
      <nav className={styles.sections} aria-label={texts.sections}>
        {named === undefined ? (
          <h1 className={styles.title}>{texts.title}</h1>
        ) : (
          <p className={styles.title}>{texts.title}</p>
        )}
        <ul>
          {SECTIONS.map((one) => (
            <li key={one.id}>
              <Link
                to="/settings/$section"
                params={{ section: one.id }}
                className={styles.section}
                aria-current={one.id === id ? 'page' : undefined}
              >
                <Icon name={one.icon} size={18} />
                {texts.section[one.id]}
              </Link>
            </li>
          ))}
        </ul>
      </nav>
      <div className={styles.content}>
        <div className={styles.column}>
          <header className={styles.head}>
            <Link to="/settings" className={styles.back} aria-label={texts.back} title={texts.back}>
              <Icon name="back" size={19} />
            </Link>
            <h1 className={styles.title}>{texts.section[id]}</h1>
          </header>
          <Content />
        </div>
      </div>
    </main>
  );
}
