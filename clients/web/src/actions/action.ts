import type { Messages } from '@/messages/messages';

/**
 * An action of the user. Menus, shortcuts and the quick switcher show the same actions, so that
 * each has one name, one condition and one effect.
 */
export interface Action<Context> {
  readonly id: string;
  readonly label: (messages: Messages) => string;
  readonly icon?: ActionIcon;
  /** As `KeyboardEvent.key` in lower case, with `mod+`, `alt+` and `shift+` before it. */
  readonly shortcut?: string;
  readonly danger?: boolean;
  readonly when?: (context: Context) => boolean;
  readonly run: (context: Context) => void;
}

export type ActionIcon =
  | 'message'
  | 'task'
  | 'person'
  | 'check'
  | 'clock'
  | 'bell'
  | 'search'
  | 'settings'
  | 'thread'
  | 'quote'
  | 'edit'
  | 'undo'
  | 'copy'
  | 'smile'
  | 'star'
  | 'mute'
  | 'unread'
  | 'help'
  | 'play'
  | 'plus'
  | 'menu'
  | 'pin'
  | 'folder'
  | 'label'
  | 'calendar'
  | 'forward'
  | 'eye'
  | 'send';

export function offered<Context>(
  actions: readonly Action<Context>[],
  context: Context,
): readonly Action<Context>[] {
  return actions.filter((action) => action.when?.(context) ?? true);
}

const IS_MAC = /Mac|iPhone|iPad/u.test(globalThis.navigator.userAgent);

/** Return whether a key press is the shortcut of an action. */
export function isPressed(shortcut: string, event: KeyboardEvent): boolean {
  const keys = shortcut.split('+');
  const mod = IS_MAC ? event.metaKey : event.ctrlKey;
  return (
    event.key.toLowerCase() === keys.at(-1) &&
    mod === keys.includes('mod') &&
    event.altKey === keys.includes('alt') &&
    // For a character such as `?`, the keyboard layout decides whether Shift is needed.
    (isSymbol(shortcut) || event.shiftKey === keys.includes('shift'))
  );
}

/** Return whether a shortcut is a key without modifiers, which a text field would insert. */
export function isPlain(shortcut: string): boolean {
  return shortcut.length === 1;
}

function isSymbol(shortcut: string): boolean {
  return isPlain(shortcut) && !/[\p{L}\p{N}]/u.test(shortcut);
}

/** Return a shortcut as printed on the keys. */
export function shownShortcut(shortcut: string | undefined): string | undefined {
  return shortcut
    ?.split('+')
    .map((key) => {
      if (key === 'mod') return IS_MAC ? '⌘' : 'Ctrl';
      if (key === 'alt') return IS_MAC ? '⌥' : 'Alt';
      if (key.startsWith('arrow')) return { arrowup: '↑', arrowdown: '↓' }[key] ?? key;
      return key.length === 1 ? key.toUpperCase() : key;
    })
    .join(IS_MAC ? '' : ' + ');
}
