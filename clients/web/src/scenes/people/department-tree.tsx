import { useRef, useState, type KeyboardEvent } from 'react';

import { Icon } from '@/components/icon';
import type { Department } from '@/gen/plexus/directory/v1/people_pb';
import { classes } from '@/kit/classes';
import { plainName } from '@/kit/text';
import { rowsOf, type Node } from '@/kit/tree';
import { useTexts } from '@/messages/subjects';

import styles from './people.module.css';

interface Props {
  readonly tree: readonly Node<Department>[];
  /** Empty for the whole company. */
  readonly selected: string;
  readonly onSelect: (id: string) => void;
}

const INDENT_PX = 16;

/**
 * The departments as a tree: up and down move between rows, right opens, left closes or moves up,
 * Enter selects.
 */
export function DepartmentTree({ tree, selected, onSelect }: Props) {
  const texts = useTexts('people');
  const list = useRef<HTMLDivElement>(null);
  const [toggled, setToggled] = useState<ReadonlySet<string>>(new Set());
  const [focused, setFocused] = useState(selected);
  // The first two levels are open unless the user closes them.
  const open = new Set(
    every(tree)
      .filter(({ item, depth }) => depth < 1 !== toggled.has(item.id))
      .map(({ item }) => item.id),
  );
  const rows = rowsOf(tree, open);
  const ids = ['', ...rows.map(({ item }) => item.id)];
  const active = ids.includes(focused) ? focused : '';

  function toggle(id: string): void {
    setToggled((ones) => {
      const next = new Set(ones);
      if (!next.delete(id)) next.add(id);
      return next;
    });
  }

  function focus(id: string | undefined): void {
    if (id === undefined) return;
    setFocused(id);
    list.current?.querySelector<HTMLElement>(`[data-row="${CSS.escape(id)}"]`)?.focus();
  }

  function onKeyDown(event: KeyboardEvent): void {
    const index = ids.indexOf(active);
    const row = rows[index - 1];
    const isOpen = row !== undefined && open.has(row.item.id);
    const hasBelow = (row?.children.length ?? 0) > 0;
    switch (event.key) {
      case 'ArrowDown':
        focus(ids[index + 1]);
        break;
      case 'ArrowUp':
        focus(ids[index - 1]);
        break;
      case 'Home':
        focus(ids[0]);
        break;
      case 'End':
        focus(ids.at(-1));
        break;
      case 'ArrowRight':
        if (row !== undefined && hasBelow && !isOpen) toggle(row.item.id);
        else if (hasBelow) focus(ids[index + 1]);
        break;
      case 'ArrowLeft':
        if (row !== undefined && isOpen && hasBelow) toggle(row.item.id);
        else focus(ids.includes(row?.item.parentId ?? '') ? (row?.item.parentId ?? '') : '');
        break;
      case 'Enter':
      case ' ':
        onSelect(active);
        break;
      default:
        return;
    }
    event.preventDefault();
  }

  return (
    <div
      ref={list}
      role="tree"
      aria-label={texts.departments}
      className={styles.tree}
      onKeyDown={onKeyDown}
    >
      <div
        role="treeitem"
        data-row=""
        aria-level={1}
        aria-selected={selected === ''}
        tabIndex={active === '' ? 0 : -1}
        className={styles.treeRow}
        onClick={() => onSelect('')}
        onFocus={() => setFocused('')}
      >
        <Icon name="group" size={16} />
        <span>{texts.everyone}</span>
      </div>
      {rows.map(({ item, depth, children }) => {
        const isOpen = open.has(item.id);
        return (
          <div
            key={item.id}
            role="treeitem"
            data-row={item.id}
            aria-level={depth + 1}
            aria-selected={selected === item.id}
            aria-expanded={children.length === 0 ? undefined : isOpen}
            tabIndex={active === item.id ? 0 : -1}
            className={styles.treeRow}
            style={{ paddingLeft: depth * INDENT_PX + 8 }}
            onClick={() => onSelect(item.id)}
            onFocus={() => setFocused(item.id)}
          >
            <span
              className={classes(styles.arrow, isOpen && styles.down)}
              aria-hidden="true"
              onClick={(event) => {
                event.stopPropagation();
                if (children.length > 0) toggle(item.id);
              }}
            >
              {children.length === 0 ? null : <Icon name="right" size={14} />}
            </span>
            <bdi>{plainName(item.name)}</bdi>
          </div>
        );
      })}
    </div>
  );
}

function every(nodes: readonly Node<Department>[]): readonly Node<Department>[] {
  return nodes.flatMap((node) => [node, ...every(node.children)]);
}
