import { useEffect } from 'react';

import { problemOf } from '@/api/problems';
import { Select } from '@/components/inputs';
import { useCell } from '@/kit/cell';
import { useMessages } from '@/messages/context';
import { useWorkspace } from '@/stores/context';
import { foldersOf, type ListFilter } from '@/stores/conversations/filter';

const KINDS = ['all', 'unread', 'starred', 'archived'] as const;
const FOLDER = 'folder:';

/** Filter of the conversation list. */
export function ListFilterChoice() {
  const messages = useMessages();
  const { arranging, conversations, view } = useWorkspace();
  const filter = useCell(view.filter);
  useCell(conversations.list);
  const folders = foldersOf(conversations.all);
  const text = messages.conversations;

  useEffect(() => {
    if (filter.kind !== 'archived') return;
    conversations.load(true).catch((error: unknown) => arranging.problems.emit(problemOf(error)));
  }, [filter, conversations, arranging]);

  return (
    <Select
      label={text.filter}
      isLabelHidden
      value={valueOf(filter)}
      options={[
        ...KINDS.map((kind) => ({ value: kind, label: text.filters[kind] })),
        ...folders.map((name) => ({ value: `${FOLDER}${name}`, label: text.folder(name) })),
      ]}
      onChange={(value) => view.filter.set(filterOf(value))}
    />
  );
}

function valueOf(filter: ListFilter): string {
  return filter.kind === 'folder' ? `${FOLDER}${filter.name}` : filter.kind;
}

function filterOf(value: string): ListFilter {
  const kind = KINDS.find((one) => one === value);
  return kind === undefined ? { kind: 'folder', name: value.slice(FOLDER.length) } : { kind };
}
