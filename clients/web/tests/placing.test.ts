import { describe, expect, it } from 'vitest';

import { GAP, placeBeside, type Edges } from '@/kit/placing';

const SIZE = { width: 340, height: 180 };

function edges(left: number, top: number, side = 44): Edges {
  return { left, top, right: left + side, bottom: top + side };
}

describe('a window that points at something', () => {
  it('stands to its right where there is room', () => {
    const place = placeBeside(edges(6, 100), SIZE, { width: 1280, height: 800 });
    expect(place).toEqual({ left: 50 + GAP, top: 100 });
  });

  it('stays on the page beside something at the edge', () => {
    const { top } = placeBeside(edges(6, 750), SIZE, { width: 1280, height: 800 });
    expect(top).toBe(800 - SIZE.height - GAP);
  });

  it('stands above the bar of a phone, inside the page', () => {
    const page = { width: 320, height: 640 };
    const size = { width: 296, height: 200 };
    for (const left of [4, 138, 272]) {
      const place = placeBeside(edges(left, 590), size, page);
      expect(place).toEqual({ left: GAP, top: 590 - GAP - size.height });
    }
  });

  it('stands below something at the top of a narrow page', () => {
    const { top } = placeBeside(edges(100, 0), SIZE, { width: 360, height: 640 });
    expect(top).toBe(44 + GAP);
  });

  it('stands in the middle without a target', () => {
    const place = placeBeside(undefined, SIZE, { width: 1000, height: 800 });
    expect(place).toEqual({ left: 330, top: 310 });
  });
});
