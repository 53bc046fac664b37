import { lazy, useEffect, useRef, useState, type ReactNode } from 'react';
import type { PressEvent } from 'react-aria-components';

import type { IconName } from './icon';
import { Opener } from './opener';

// Not part of the first load; `preloadMenus` fetches it in advance.
const loadList = () => import('./menu-list');
const MenuList = lazy(async () => ({ default: (await loadList()).MenuList }));

/** Preload the code of menus, so that the first one opens at once and without a network. */
export async function preloadMenus(): Promise<void> {
  await loadList();
}

export interface MenuEntry {
  readonly id: string;
  readonly label: string;
  readonly icon?: IconName | undefined;
  readonly shortcut?: string | undefined;
  readonly danger?: boolean | undefined;
  readonly run: () => void;
}

/** Focus when a menu opens: an entry, or the menu as a whole. */
export type MenuFocus = 'first' | 'last' | true;

const ARROWS: Readonly<Record<string, MenuFocus>> = { ArrowDown: 'first', ArrowUp: 'last' };

interface Props {
  readonly label: string;
  readonly entries: readonly MenuEntry[];
  /** The button that opens it. */
  readonly children: ReactNode;
}

export function Menu({ label, entries, children }: Props) {
  const trigger = useRef<HTMLButtonElement>(null);
  const chosen = useRef<(() => void) | undefined>(undefined);
  const [focus, setFocus] = useState<MenuFocus | undefined>(undefined);

  useEffect(() => {
    // Only after the menu has closed, which keeps the focus while open: a window that the entry
    // opens restores the focus to the element focused now.
    if (focus !== undefined || chosen.current === undefined) return;
    const run = chosen.current;
    chosen.current = undefined;
    trigger.current?.focus();
    run();
  }, [focus]);

  return (
    <Opener
      opens="menu"
      trigger={trigger}
      isOpen={focus !== undefined}
      onPress={(event) => setFocus(focusAfter(event))}
      onKeyDown={(event) => {
        const arrow = ARROWS[event.key];
        if (arrow === undefined) {
          event.continuePropagation();
        } else {
          event.preventDefault();
          setFocus(arrow);
        }
      }}
      button={children}
    >
      {focus === undefined ? null : (
        <MenuList
          label={label}
          entries={entries}
          trigger={trigger}
          focus={focus}
          onChoose={({ run }) => (chosen.current = run)}
          onClose={() => setFocus(undefined)}
        />
      )}
    </Opener>
  );
}

function focusAfter({ pointerType }: PressEvent): MenuFocus {
  return pointerType === 'keyboard' || pointerType === 'virtual' ? 'first' : true;
}
