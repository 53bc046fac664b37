export interface Leaf {
  readonly id: string;
  readonly parentId: string;
  readonly name: string;
}

export interface Node<T extends Leaf> {
  readonly item: T;
  readonly depth: number;
  readonly children: readonly Node<T>[];
}

/** Arrange items under their parents, sorted by name; items with an unknown parent are roots. */
export function treeOf<T extends Leaf>(items: readonly T[], language: string): readonly Node<T>[] {
  const known = new Set(items.map(({ id }) => id));
  const below = new Map<string, T[]>();
  for (const item of items) {
    const parent = known.has(item.parentId) && item.parentId !== item.id ? item.parentId : '';
    below.set(parent, [...(below.get(parent) ?? []), item]);
  }
  const { compare } = new Intl.Collator(language, { numeric: true });
  function under(parent: string, depth: number): readonly Node<T>[] {
    return (below.get(parent) ?? [])
      .sort((one, other) => compare(one.name, other.name))
      .map((item) => ({ item, depth, children: under(item.id, depth + 1) }));
  }
  return under('', 0);
}

/** Return the visible rows of a tree with some open nodes. */
export function rowsOf<T extends Leaf>(
  nodes: readonly Node<T>[],
  open: ReadonlySet<string>,
): readonly Node<T>[] {
  return nodes.flatMap((node) => [
    node,
    ...(open.has(node.item.id) ? rowsOf(node.children, open) : []),
  ]);
}
