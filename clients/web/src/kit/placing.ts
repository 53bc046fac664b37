export interface Size {
  readonly width: number;
  readonly height: number;
}

/** Edges in pixels from the top left corner of the page. */
export interface Edges {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** Free space around a window, in pixels. */
export const GAP = 12;

/**
 * Return the position of a window that points at a part of the page: to its right, else above it,
 * else below it, always inside the page; centred without a target.
 */
export function placeBeside(
  target: Edges | undefined,
  size: Size,
  page: Size,
): { readonly left: number; readonly top: number } {
  if (target === undefined)
    return { left: (page.width - size.width) / 2, top: (page.height - size.height) / 2 };
  const left = (wanted: number): number => within(wanted, page.width - size.width - GAP);
  const top = (wanted: number): number => within(wanted, page.height - size.height - GAP);
  if (target.right + GAP + size.width + GAP <= page.width)
    return { left: target.right + GAP, top: top(target.top) };
  const above = target.top - GAP - size.height;
  const middle = (target.left + target.right - size.width) / 2;
  return { left: left(middle), top: above >= GAP ? above : top(target.bottom + GAP) };
}

function within(wanted: number, max: number): number {
  return Math.max(GAP, Math.min(wanted, max));
}
