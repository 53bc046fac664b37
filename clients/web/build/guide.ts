import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

import type { Plugin } from 'vite';

import { parseGuide, type GuideBlock } from '../src/kit/guide.ts';

// Signature and header of a PNG file; the size follows the type of the first chunk.
const SIGNATURE = '89504e470d0a1a0a';
const WIDTH_AT = 16;
const HEIGHT_AT = 20;

/** Compile the Markdown of a guide to a module with its parsed content and its pictures. */
export function guides(): Plugin {
  return {
    name: 'plexus-guides',
    enforce: 'pre',
    async transform(markdown, id) {
      if (!id.endsWith('.md')) return null;
      const imports: string[] = [];
      const folder = dirname(id);
      async function withPicture(block: GuideBlock): Promise<GuideBlock> {
        if (block.kind !== 'picture') return block;
        const size = await sizeOf(resolve(folder, block.address));
        const name = `picture${imports.length}`;
        imports.push(`import ${name} from ${JSON.stringify(`./${block.address}`)};`);
        return { ...block, ...size, address: name };
      }
      const guide = parseGuide(markdown);
      const content = {
        ...guide,
        lead: await Promise.all(guide.lead.map(withPicture)),
        sections: await Promise.all(
          guide.sections.map(async (section) => ({
            ...section,
            blocks: await Promise.all(section.blocks.map(withPicture)),
          })),
        ),
      };
      // The name of an import replaces the path in the Markdown.
      const code = JSON.stringify(content).replaceAll(/"address":"(picture\d+)"/g, '"address":$1');
      const module = [...imports, `export const texts = ${code};`].join('\n');
      return { code: module, map: null, moduleType: 'js' };
    },
  };
}

async function sizeOf(path: string): Promise<{ width: number; height: number }> {
  const header = await readFile(path);
  if (header.subarray(0, 8).toString('hex') !== SIGNATURE) throw new Error(`${path} is no PNG.`);
  return { width: header.readUInt32BE(WIDTH_AT), height: header.readUInt32BE(HEIGHT_AT) };
}
