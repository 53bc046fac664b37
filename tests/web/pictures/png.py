"""Screenshots with a palette: a third of the size without a visible difference."""

import base64
import struct
import zlib
from typing import Any

from playwright.async_api import Page

SIGNATURE = b"\x89PNG\r\n\x1a\n"
# The browser decodes the picture and counts its colours, much faster than Python. The most frequent
# colours come first; each further one must differ from those before, the less the more are chosen.
# Every pixel then takes the nearest of them.
REDUCE = """
async ([encoded, limit]) => {
  const bytes = Uint8Array.from(atob(encoded), (one) => one.charCodeAt(0));
  const image = await createImageBitmap(new Blob([bytes], { type: 'image/png' }));
  const canvas = new OffscreenCanvas(image.width, image.height);
  const context = canvas.getContext('2d');
  context.drawImage(image, 0, 0);
  const { data } = context.getImageData(0, 0, image.width, image.height);
  const pixels = new Uint32Array(data.buffer);
  const counts = new Map();
  for (const pixel of pixels) counts.set(pixel, (counts.get(pixel) ?? 0) + 1);
  const colours = [...counts].sort((one, other) => other[1] - one[1]).map(([colour]) => colour);
  const distance = (one, other) => {
    const red = (one & 255) - (other & 255);
    const green = ((one >> 8) & 255) - ((other >> 8) & 255);
    const blue = ((one >> 16) & 255) - ((other >> 16) & 255);
    return 2 * red * red + 4 * green * green + 3 * blue * blue;
  };
  // The areas of the page keep their colours exactly.
  const palette = colours.slice(0, Math.min(limit / 4, colours.length));
  const chosen = new Set(palette);
  for (const apart of [2000, 700, 250, 80, 20, 1]) {
    for (const colour of colours) {
      if (palette.length === limit) break;
      if (chosen.has(colour)) continue;
      if (palette.some((one) => distance(one, colour) < apart)) continue;
      chosen.add(colour);
      palette.push(colour);
    }
  }
  const nearest = new Map();
  for (const colour of colours) {
    let best = 0;
    palette.forEach((one, index) => {
      if (distance(one, colour) < distance(palette[best], colour)) best = index;
    });
    nearest.set(colour, best);
  }
  let indices = '';
  for (let at = 0; at < pixels.length; at += 8192)
    indices += String.fromCharCode(
      ...Array.from(pixels.subarray(at, at + 8192), (pixel) => nearest.get(pixel)));
  return {
    width: image.width,
    height: image.height,
    palette: palette.map((one) => [one & 255, (one >> 8) & 255, (one >> 16) & 255]),
    indices: btoa(indices),
  };
}
"""


async def reduced(page: Page, picture: bytes, *, colours: int) -> bytes:
    """Return a PNG with a palette of at most `colours` colours."""
    encoded = base64.b64encode(picture).decode()
    found: dict[str, Any] = await page.evaluate(REDUCE, [encoded, colours])
    width, height = found["width"], found["height"]
    indices = base64.b64decode(found["indices"])
    rows = b"".join(b"\0" + indices[at : at + width] for at in range(0, width * height, width))
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    palette = bytes(part for colour in found["palette"] for part in colour)
    chunks = [
        (b"IHDR", header),
        (b"PLTE", palette),
        (b"IDAT", zlib.compress(rows, 9)),
        (b"IEND", b""),
    ]
    return SIGNATURE + b"".join(_chunk(kind, content) for kind, content in chunks)


def _chunk(kind: bytes, content: bytes) -> bytes:
    checksum = struct.pack(">I", zlib.crc32(kind + content))
    return struct.pack(">I", len(content)) + kind + content + checksum
