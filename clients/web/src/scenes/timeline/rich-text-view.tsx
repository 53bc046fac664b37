import { Fragment, useMemo, type JSX, type ReactNode } from 'react';

import { classes } from '@/kit/classes';
import {
  blocksOf,
  type Block,
  type Inline,
  type Mentioned,
  type Style,
  type TextSpan,
} from '@/kit/rich-text';
import { useMessages } from '@/messages/context';
import { PersonButton } from '@/scenes/people/person-button';
import { useWorkspace } from '@/stores/context';

import styles from './body.module.css';

interface RichTextProps {
  readonly text: string;
  readonly spans: readonly TextSpan[];
  readonly isEdited?: boolean;
}

/** A text with its spans as elements; it is never parsed as HTML. */
export function RichText({ text, spans, isEdited = false }: RichTextProps) {
  const messages = useMessages();
  const blocks = useMemo(() => blocksOf(text, spans), [text, spans]);
  const mark = isEdited ? <span className={styles.note}>({messages.timeline.edited})</span> : null;
  const isParagraphLast = blocks.at(-1)?.kind === 'paragraph';
  return (
    <>
      {blocks.map((block, index) => (
        <OneBlock key={index} block={block}>
          {isParagraphLast && index === blocks.length - 1 ? mark : null}
        </OneBlock>
      ))}
      {isParagraphLast ? null : mark}
    </>
  );
}

function OneBlock({ block, children }: { readonly block: Block; readonly children: ReactNode }) {
  const messages = useMessages();
  if (block.kind === 'code') {
    return (
      <pre tabIndex={0} role="group" aria-label={messages.timeline.code}>
        {block.text}
      </pre>
    );
  }
  if (block.kind === 'list') return <List block={block} />;
  if (block.kind === 'table') return <Table rows={block.rows} />;
  const parts = <Parts parts={block.parts} />;
  if (block.kind === 'quote') return <blockquote>{parts}</blockquote>;
  return (
    <div>
      {parts}
      {children}
    </div>
  );
}

function List({ block }: { readonly block: Extract<Block, { kind: 'list' }> }) {
  const entries = block.entries.map(({ depth, parts }, index) => (
    <li key={index} className={styles[`depth${depth}`]}>
      <Parts parts={parts} />
    </li>
  ));
  return block.isOrdered ? <ol start={block.start}>{entries}</ol> : <ul>{entries}</ul>;
}

function Table({ rows }: Pick<Extract<Block, { kind: 'table' }>, 'rows'>) {
  const messages = useMessages();
  const [head = [], ...body] = rows;
  const columns = head.map((_, index) => index);
  return (
    <div className={styles.table} tabIndex={0} role="group" aria-label={messages.timeline.table}>
      <table>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column} scope="col">
                <Parts parts={head[column] ?? []} />
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {body.map((row, index) => (
            <tr key={index}>
              {columns.map((column) => (
                <td key={column}>
                  <Parts parts={row[column] ?? []} />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Parts({ parts }: { readonly parts: readonly Inline[] }) {
  return parts.map((part, index) => <Fragment key={index}>{inline(part)}</Fragment>);
}

function inline(part: Inline) {
  switch (part.kind) {
    case 'text':
      return part.styles.reduceRight(wrapped, <>{part.text}</>);
    case 'mention':
      return <MentionOf of={part.of} text={part.text} />;
    case 'link':
      return (
        <Outside address={part.address}>
          <Parts parts={part.parts} />
        </Outside>
      );
  }
}

function wrapped(inside: JSX.Element, style: Style): JSX.Element {
  switch (style) {
    case 'bold':
      return <strong>{inside}</strong>;
    case 'italic':
      return <em>{inside}</em>;
    case 'strike':
      return <s>{inside}</s>;
    case 'code':
      return <code>{inside}</code>;
  }
}

/** A mention with the current name; the stored text may be older. */
function MentionOf({ of, text }: { readonly of: Mentioned; readonly text: string }) {
  const messages = useMessages();
  const { people, personId } = useWorkspace();
  const isMe = of.kind === 'all' || (of.kind === 'person' && of.id === personId);
  const name =
    of.kind === 'person'
      ? people.name(of.id) || text
      : of.kind === 'all'
        ? messages.timeline.all
        : text;
  const words = <bdi>{name.startsWith('@') ? name : `@${name}`}</bdi>;
  return (
    <span className={classes(styles.mention, isMe && styles.me)}>
      {of.kind === 'person' ? <PersonButton id={of.id}>{words}</PersonButton> : words}
    </span>
  );
}

/** A link to another site. */
export function Outside({
  address,
  children,
}: {
  readonly address: string;
  readonly children: ReactNode;
}) {
  return (
    <a href={address} target="_blank" rel="noopener noreferrer">
      {children}
    </a>
  );
}
