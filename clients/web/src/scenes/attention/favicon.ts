const MAX_SHOWN = 99;

/** Show a number on the icon of the page; 0 shows the icon alone. */
export function setFavicon(count: number): void {
  const link = document.querySelector<HTMLLinkElement>('link[rel="icon"]');
  if (link === null) return;
  link.href =
    count === 0 ? '/favicon.svg' : `data:image/svg+xml,${encodeURIComponent(counted(count))}`;
}

function counted(count: number): string {
  const text = count > MAX_SHOWN ? `${MAX_SHOWN}+` : `${count}`;
  const size = [0, 19, 16, 12][text.length] ?? 12;
  return (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">' +
    '<rect width="32" height="32" rx="7" fill="#2a59c4"/>' +
    '<circle cx="19" cy="19" r="13" fill="#c62b22"/>' +
    `<text x="19" y="${19 + size * 0.36}" font-family="sans-serif" font-weight="700"` +
    ` font-size="${size}" fill="#fff" text-anchor="middle">${text}</text></svg>`
  );
}
