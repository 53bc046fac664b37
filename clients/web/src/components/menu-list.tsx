import type { RefObject } from 'react';
import { Menu as AriaMenu, MenuItem, Popover } from 'react-aria-components';

import { classes } from '@/kit/classes';

import { Icon } from './icon';
import styles from './menu.module.css';
import type { MenuEntry, MenuFocus } from './menu';

interface Props {
  readonly label: string;
  readonly entries: readonly MenuEntry[];
  /** The button next to which it opens. */
  readonly trigger: RefObject<HTMLButtonElement | null>;
  readonly focus: MenuFocus;
  /** Called before `onClose`. */
  readonly onChoose: (entry: MenuEntry) => void;
  readonly onClose: () => void;
}

/** The entries of an open menu. */
export function MenuList({ label, entries, trigger, focus, onChoose, onClose }: Props) {
  return (
    <Popover
      className={classes(styles.popover)}
      aria-label={label}
      trigger="MenuTrigger"
      triggerRef={trigger}
      placement="bottom end"
      isOpen
      onOpenChange={(isOpen) => {
        if (!isOpen) onClose();
      }}
    >
      <AriaMenu
        className={classes(styles.menu)}
        aria-label={label}
        autoFocus={focus}
        items={entries}
        onAction={(key) => {
          const entry = entries.find(({ id }) => id === key);
          if (entry !== undefined) onChoose(entry);
        }}
        onClose={onClose}
      >
        {(entry) => (
          <MenuItem
            id={entry.id}
            textValue={entry.label}
            className={classes(styles.item, entry.danger === true && styles.danger)}
          >
            {entry.icon === undefined ? null : <Icon name={entry.icon} size={16} />}
            <span>{entry.label}</span>
            {entry.shortcut === undefined ? null : (
              <kbd className={classes(styles.shortcut)}>{entry.shortcut}</kbd>
            )}
          </MenuItem>
        )}
      </AriaMenu>
    </Popover>
  );
}
