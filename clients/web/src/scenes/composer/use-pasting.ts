import { useState, type ClipboardEvent } from 'react';

import { codeBlockOf, longLines, tableOf } from '@/kit/pasting';

import type { Writing } from './use-writing';

/** A long pasted text and its alternative form. */
export interface Pasted {
  readonly kind: 'table' | 'lines';
  readonly lines: number;
  /** True while the composer contains the text as it was pasted. */
  readonly isRaw: boolean;
  readonly swap: () => void;
}

interface Kept {
  readonly kind: Pasted['kind'];
  readonly raw: string;
  readonly made: string;
  readonly isRaw: boolean;
  readonly from: number;
  /** The complete text until the next change by the user. */
  readonly whole: string;
}

/** Convert cells pasted from a spreadsheet to a table, and offer a code block for long texts. */
export function usePasting(writing: Writing): {
  readonly pasted: Pasted | undefined;
  readonly onPaste: (event: ClipboardEvent<HTMLTextAreaElement>) => void;
} {
  const [kept, setKept] = useState<Kept | undefined>(undefined);
  const there = kept?.whole === writing.text ? kept : undefined;

  function insert(words: string): { readonly from: number; readonly whole: string } {
    writing.insert(words);
    const element = writing.input.current;
    const end = element?.selectionStart ?? 0;
    return { from: end - words.length, whole: element?.value ?? '' };
  }

  return {
    pasted:
      there === undefined
        ? undefined
        : {
            kind: there.kind,
            lines: longLines(there.raw),
            isRaw: there.isRaw,
            swap() {
              const { raw, made, isRaw, from } = there;
              const now = isRaw ? raw : made;
              writing.input.current?.setSelectionRange(from, from + now.length);
              setKept({ ...there, ...insert(isRaw ? made : raw), isRaw: !isRaw });
            },
          },
    onPaste(event) {
      const raw = event.clipboardData.getData('text/plain').replace(/\r\n?/gu, '\n');
      const table = tableOf(raw);
      if (table === undefined && longLines(raw) === 0) return;
      event.preventDefault();
      const { selectionStart, value } = event.currentTarget;
      // Tables and code blocks start on a line of their own.
      const feed = selectionStart === 0 || value[selectionStart - 1] === '\n' ? '' : '\n';
      if (table === undefined) {
        const made = feed + codeBlockOf(raw);
        setKept({ kind: 'lines', raw, made, isRaw: true, ...insert(raw) });
      } else {
        const made = feed + table;
        setKept({ kind: 'table', raw, made, isRaw: false, ...insert(made) });
      }
    },
  };
}
