import { shownShortcut, type ActionIcon } from '@/actions/action';
import type { AppContext } from '@/actions/app';
import { offeredHere } from '@/actions/here';
import type { Matcher } from '@/kit/pinyin';
import type { Messages } from '@/messages/messages';
import { nameOf } from '@/scenes/conversations/naming';
import type { ConversationLog } from '@/stores/log/log';

const MAX_SHOWN = 30;
const COMMAND = '>';

export interface Choice {
  readonly id: string;
  readonly label: string;
  readonly note: string;
  readonly unread: number;
  readonly avatar:
    { readonly id: string; readonly name: string; readonly group: boolean } | undefined;
  readonly icon?: ActionIcon;
  readonly run: () => void;
}

interface Offer {
  readonly context: AppContext;
  readonly messages: Messages;
  readonly matcher: Matcher;
  readonly list: readonly ConversationLog[];
  /** Version of the known names; a new one changes the choices. */
  readonly known: number;
}

/** Return the matches of a query: conversations, then commands; only commands after `>`. */
export function choicesFor(query: string, offer: Offer): Choice[] {
  const wanted = query.trim();
  if (wanted.startsWith(COMMAND)) return commands(wanted.slice(1).trim(), offer);
  const found = conversations(wanted, offer);
  if (wanted === '') return found;
  const rest = [everywhere(wanted, offer), ...commands(wanted, offer)];
  return [...found.slice(0, MAX_SHOWN - rest.length), ...rest];
}

function conversations(wanted: string, { context, messages, matcher, list }: Offer): Choice[] {
  const { people } = context.workspace;
  const found: Choice[] = [];
  for (const log of list) {
    const label = nameOf(log, people, messages);
    const handle = people.get(log.view.peerId)?.handle ?? '';
    if (wanted !== '' && !matcher(label, wanted) && !handle.startsWith(wanted.toLowerCase()))
      continue;
    const group = log.view.peerId === '';
    found.push({
      id: log.id,
      label,
      note: group ? messages.conversations.membersCount(log.conversation.memberCount) : handle,
      unread: log.counts.unread,
      avatar: { id: log.view.peerId || log.id, name: label, group },
      run: () => context.open(log.id),
    });
    if (found.length === MAX_SHOWN) break;
  }
  return found;
}

/** Return the choice that searches messages, tasks and people. */
function everywhere(wanted: string, { context, messages }: Offer): Choice {
  return {
    id: 'search.everywhere',
    label: messages.switcher.everywhere(wanted),
    note: '',
    unread: 0,
    avatar: undefined,
    icon: 'search',
    run: () => context.go(`/search?q=${encodeURIComponent(wanted)}`),
  };
}

function commands(wanted: string, { context, messages, matcher }: Offer): Choice[] {
  return offeredHere(context)
    .map((action) => ({ action, label: action.label(messages) }))
    .filter(
      ({ action, label }) =>
        action.id !== 'switcher.open' && (wanted === '' || matcher(label, wanted)),
    )
    .map(({ action, label }) => ({
      id: action.id,
      label,
      note: shownShortcut(action.shortcut) ?? '',
      unread: 0,
      avatar: undefined,
      ...(action.icon === undefined ? {} : { icon: action.icon }),
      run: action.run,
    }));
}
