import { useEffect, useRef, useState, type RefObject } from 'react';

import { useCell } from '@/kit/cell';
import { askedAt, movedMentions, trimmed, type Addressed, type Asked } from '@/kit/mentions';
import type { Mentioned } from '@/kit/rich-text';
import { useWorkspace } from '@/stores/context';
import type { ConversationLog } from '@/stores/log/log';

export interface Writing {
  readonly input: RefObject<HTMLTextAreaElement | null>;
  /** The text of the draft. */
  readonly text: string;
  /** The mention query at the caret; undefined for none. */
  readonly asked: Asked | undefined;
  /** Return the message to send, without surrounding white space. */
  readonly taken: () => { readonly text: string; readonly mentions: readonly Addressed[] };
  readonly clear: () => void;
  /** Handle a change of the element by the user. */
  readonly onChange: () => void;
  readonly onCaret: () => void;
  readonly onComposing: (isComposing: boolean) => void;
  /** Replace the query at the caret by a mention. */
  readonly mention: (of: Mentioned, name: string) => void;
  /** Replace the selection by a text. */
  readonly insert: (words: string) => void;
  /** Hide completion while the composer has no focus. */
  readonly onBlur: () => void;
  /** Hide completion for this @. */
  readonly stopAsking: () => void;
}

/** The composer of a conversation or a thread: its text, its mentions and its draft. */
export function useWriting(log: ConversationLog, root: number): Writing {
  const { drafts } = useWorkspace();
  const version = useCell(drafts.version);
  const input = useRef<HTMLTextAreaElement>(null);
  // The element holds the text: rendering must not disturb a composition.
  const isComposing = useRef(false);
  const shown = useRef(drafts.text(log.id, root));
  const refused = useRef(-1);
  const [asked, setAsked] = useState<Asked | undefined>(undefined);

  useEffect(() => {
    const element = input.current;
    const text = drafts.text(log.id, root);
    if (element === null || element.value === text || isComposing.current) return;
    element.value = text;
    shown.current = text;
  }, [version, drafts, log, root]);

  function ask(): void {
    const element = input.current;
    if (element === null) return;
    const isPoint = element.selectionStart === element.selectionEnd;
    const next = isPoint ? askedAt(element.value, element.selectionStart) : undefined;
    if (next?.from !== refused.current) refused.current = -1;
    const isWanted = next !== undefined && refused.current < 0 && !isMentioned(next.from);
    setAsked((known) =>
      isWanted && known?.from === next.from && known.query === next.query
        ? known
        : isWanted
          ? next
          : undefined,
    );
  }

  function isMentioned(from: number): boolean {
    return drafts.mentions(log.id, root).some((one) => one.from === from);
  }

  function put(text: string, mentions: readonly Addressed[], caret: number): void {
    const element = input.current;
    if (element === null) return;
    element.value = text;
    element.setSelectionRange(caret, caret);
    element.focus();
    shown.current = text;
    drafts.write(log.id, root, text, mentions);
    ask();
  }

  function insert(words: string, from: number, to: number): readonly Addressed[] {
    const before = shown.current;
    const after = before.slice(0, from) + words + before.slice(to);
    // Located by position, because the inserted text may equal its surroundings.
    return drafts.mentions(log.id, root).flatMap((one) => {
      const by = after.length - before.length;
      if (one.to <= from) return [one];
      return one.from >= to ? [{ ...one, from: one.from + by, to: one.to + by }] : [];
    });
  }

  return {
    input,
    text: drafts.text(log.id, root),
    asked,
    taken: () => trimmed(input.current?.value ?? '', drafts.mentions(log.id, root)),
    clear() {
      if (input.current !== null) input.current.value = '';
      shown.current = '';
      setAsked(undefined);
      drafts.write(log.id, root, '');
    },
    onChange() {
      const text = input.current?.value ?? '';
      const mentions = movedMentions(drafts.mentions(log.id, root), shown.current, text);
      shown.current = text;
      drafts.write(log.id, root, text, mentions);
      ask();
    },
    onCaret: ask,
    onComposing(now) {
      isComposing.current = now;
    },
    mention(of, name) {
      const element = input.current;
      if (element === null || asked === undefined) return;
      const caret = element.selectionStart;
      const words = `@${name}`;
      const { from } = asked;
      const to = from + words.length;
      const mentions = [...insert(`${words} `, from, caret), { from, to, of }];
      const text = `${shown.current.slice(0, from)}${words} ${shown.current.slice(caret)}`;
      put(text, mentions, to + 1);
    },
    insert(words) {
      const element = input.current;
      if (element === null) return;
      const { selectionStart: from, selectionEnd: to } = element;
      const mentions = insert(words, from, to);
      const text = shown.current.slice(0, from) + words + shown.current.slice(to);
      put(text, mentions, from + words.length);
    },
    onBlur: () => setAsked(undefined),
    stopAsking() {
      refused.current = asked?.from ?? -1;
      setAsked(undefined);
    },
  };
}
