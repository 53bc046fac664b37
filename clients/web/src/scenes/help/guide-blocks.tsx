import type { GuideBlock, GuideText } from '@/kit/guide';

import styles from './help.module.css';

/** Blocks of a guide; they never change, so their index is their key. */
export function GuideBlocks({ blocks }: { readonly blocks: readonly GuideBlock[] }) {
  return blocks.map((block, index) => <Block key={index} block={block} />);
}

function Block({ block }: { readonly block: GuideBlock }) {
  switch (block.kind) {
    case 'paragraph':
      return (
        <p>
          <Texts texts={block.parts} />
        </p>
      );
    case 'list': {
      const items = block.items.map((texts, index) => (
        <li key={index}>
          <Texts texts={texts} />
        </li>
      ));
      return block.isOrdered ? <ol>{items}</ol> : <ul>{items}</ul>;
    }
    case 'picture':
      return (
        <img
          className={styles.picture}
          src={block.address}
          width={block.width}
          height={block.height}
          alt={block.label}
          loading="lazy"
        />
      );
    case 'table':
      return <Table rows={block.rows} />;
  }
}

function Table({ rows }: { readonly rows: readonly (readonly GuideText[][])[] }) {
  const [head = [], ...body] = rows;
  return (
    <table className={styles.table}>
      <thead>
        <tr>
          {head.map((texts, index) => (
            <th key={index} scope="col">
              <Texts texts={texts} />
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {body.map((cells, row) => (
          <tr key={row}>
            {cells.map((texts, index) => (
              <td key={index}>
                <Texts texts={texts} />
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Texts({ texts }: { readonly texts: readonly GuideText[] }) {
  return texts.map(({ kind, text }, index) => {
    if (kind === 'strong') return <strong key={index}>{text}</strong>;
    return kind === 'key' ? <kbd key={index}>{text}</kbd> : text;
  });
}
