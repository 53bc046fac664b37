const MIN_LINES = 8;
const MAX_ROWS = 500;
const MAX_COLUMNS = 30;

/** Return the cells of a spreadsheet as a markdown table; undefined for anything else. */
export function tableOf(pasted: string): string | undefined {
  const rows = pasted
    .replace(/\r\n?/gu, '\n')
    .replace(/\n+$/u, '')
    .split('\n')
    .map((line) => line.split('\t'));
  const columns = rows[0]?.length ?? 0;
  const isTable = rows.length > 1 && columns > 1 && rows.every((row) => row.length === columns);
  if (!isTable || columns > MAX_COLUMNS || rows.length > MAX_ROWS) return undefined;
  const [head = [], ...body] = rows.map((row) => row.map(cellOf));
  const divider = head.map(() => '---');
  return [head, divider, ...body].map((row) => `| ${row.join(' | ')} |`).join('\n');
}

/** Return the number of lines of a pasted text if it is long; 0 otherwise. */
export function longLines(pasted: string): number {
  const lines = pasted.replace(/\n+$/u, '').split('\n').length;
  return lines >= MIN_LINES ? lines : 0;
}

/** Return a text as a code block, which is shown unchanged. */
export function codeBlockOf(pasted: string): string {
  const text = pasted.replace(/\r\n?/gu, '\n').replace(/\n+$/u, '');
  const longest = Math.max(2, ...(text.match(/`+/gu) ?? []).map((run) => run.length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}\n${text}\n${fence}\n`;
}

function cellOf(cell: string): string {
  // A bar would split the cell; its full-width form looks the same and does not.
  return cell.replace(/\s+/gu, ' ').trim().replaceAll('|', '｜');
}
