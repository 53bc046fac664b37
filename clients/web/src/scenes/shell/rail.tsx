import { Link } from '@tanstack/react-router';
import { lazy, Suspense } from 'react';

import { offered, shownShortcut, type Action } from '@/actions/action';
import { ACCOUNT_ACTIONS, HELP_ACTIONS, type AppContext } from '@/actions/app';
import { PLACES, type Place } from '@/actions/places';
import { IconButton } from '@/components/button';
import { Icon } from '@/components/icon';
import { Menu, type MenuEntry } from '@/components/menu';
import { classes } from '@/kit/classes';
import { useCell } from '@/kit/cell';
import { useMedia } from '@/kit/media';
import { useMessages } from '@/messages/context';
import { useDevice } from '@/stores/context';

import styles from './rail.module.css';

const BellBadge = lazy(async () => ({
  default: (await import('@/scenes/notifications/bell-badge')).BellBadge,
}));

interface Props {
  readonly context: AppContext;
  readonly here: Place | undefined;
}

/** The navigation: the places of the client, then the account. */
export function Rail({ context, here }: Props) {
  const messages = useMessages();
  const { preferences } = useDevice();
  useCell(preferences.theme);
  const isPhone = useMedia('(max-width: 720px)');
  const entriesOf = (actions: readonly Action<AppContext>[]): MenuEntry[] =>
    offered(actions, context).map((action) => ({
      id: action.id,
      label: action.label(messages),
      shortcut: shownShortcut(action.shortcut),
      danger: action.danger,
      run: () => action.run(context),
    }));
  // A phone has no room for another menu.
  const account = entriesOf(isPhone ? [...HELP_ACTIONS, ...ACCOUNT_ACTIONS] : ACCOUNT_ACTIONS);
  return (
    <nav className={styles.rail} aria-label={messages.shell.navigation}>
      <img className={styles.mark} src="/favicon.svg" alt="" />
      {PLACES.filter((place) => place.hidden !== true).map((place) => (
        <PlaceLink key={place.id} place={place} isHere={place === here} />
      ))}
      <div className={styles.spring} />
      {isPhone ? null : (
        <div data-place="help">
          <Menu label={messages.shell.help} entries={entriesOf(HELP_ACTIONS)}>
            <IconButton icon="help" label={messages.shell.help} />
          </Menu>
        </div>
      )}
      <div data-place="account">
        <Menu label={messages.shell.account} entries={account}>
          <IconButton icon="settings" label={messages.shell.account} />
        </Menu>
      </div>
    </nav>
  );
}

function PlaceLink({ place, isHere }: { readonly place: Place; readonly isHere: boolean }) {
  const label = place.label(useMessages());
  return (
    <Link
      to={place.path}
      data-place={place.id}
      className={classes(styles.place, isHere && styles.here)}
      aria-current={isHere ? 'page' : undefined}
      title={label}
      draggable={false}
    >
      <Icon name={place.icon} size={20} />
      <span className="visually-hidden">{label}</span>
      {place.id === 'notifications' ? (
        <Suspense>
          <BellBadge className={styles.badge} />
        </Suspense>
      ) : null}
    </Link>
  );
}
