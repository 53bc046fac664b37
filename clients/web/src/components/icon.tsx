const PATHS = {
  message: 'M4 5h16v11H9l-4 4v-4H4z',
  search: 'M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM15.500 15.500 20 20',
  settings: 'M4 7h10M18 7h2M4 17h2M10 17h10M16 4.500v5M8 14.500v5',
  bell: 'M6 16V11a6 6 0 0 1 12 0v5l1.500 2h-15zM10 20.500a2.200 2.200 0 0 0 4 0',
  check: 'M5 12.500l4.500 4.500L19 7.500',
  menu: 'M4 7h16M4 12h16M4 17h16',
  link: 'M10 14a4 4 0 0 0 6 .500l3-3a4 4 0 0 0-5.700-5.700l-1 1M14 10a4 4 0 0 0-6-.500l-3 3a4 4 0 0 0 5.700 5.700l1-1',
  moon: 'M19 14.500A7.500 7.500 0 0 1 9.500 5a7.500 7.500 0 1 0 9.500 9.500z',
  play: 'M8 5l11 7-11 7z',
  right: 'M9 5l7 7-7 7',
  plus: 'M12 5v14M5 12h14',
  trash: 'M5 7h14M10 7V5h4v2M7 7l1 12h8l1-12',
  device: 'M4 5h16v11H4zM9 20h6M12 16v4',
  key: 'M15 4a5 5 0 1 1-4.200 7.700L4 18.500V20h3v-2h2v-2h2l1.300-1.400A5 5 0 0 1 15 4zM16.500 7.500h.01',
  lock: 'M6 11h12v9H6zM9 11V8a3 3 0 0 1 6 0v3',
  person:
    'M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4.500 20c.700-4 3.500-5.500 7.500-5.500s6.800 1.500 7.500 5.500',
  task: 'M5 5h14v14H5zM8.500 12l2.500 2.500 4.500-5',
  mail: 'M4 6h16v12H4zM4 7l8 6 8-6',
  phone: 'M8 3h8v18H8zM11.500 18h1',
  palette:
    'M12 3a9 9 0 0 0 0 18c1.500 0 2-1 1.500-2.200-.600-1.500.300-2.800 2-2.800H18a3 3 0 0 0 3-3c0-5.500-4-10-9-10zM8 11h.01M11 7.500h.01M15.500 8.500h.01',
  sun: 'M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2.500v2M12 19.500v2M2.500 12h2M19.500 12h2M5.300 5.300l1.400 1.400M17.300 17.300l1.400 1.400M5.300 18.700l1.400-1.400M17.300 6.700l1.400-1.400',
  help: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM9.500 9.500a2.500 2.500 0 1 1 3.600 2.200c-.800.400-1.100.900-1.100 1.800M12 16.800h.01',
  send: 'M4 12 20 4l-5 16-3.500-6.500z',
  close: 'M6 6l12 12M18 6 6 18',
  back: 'M14 5l-7 7 7 7',
  smile:
    'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM8.500 14.500c1.800 2 5.200 2 7 0M9 9.500h.01M15 9.500h.01',
  thread: 'M4 5h16v9H11l-4 4v-4H4zM8 9h8',
  quote: 'M5 7h5v6c0 2-1.500 3.500-4 4M14 7h5v6c0 2-1.500 3.500-4 4',
  edit: 'M5 19l1-4L16 5l3 3L9 18zM14 7l3 3',
  undo: 'M8 5 4 9l4 4M4 9h10a5 5 0 0 1 0 10h-4',
  copy: 'M9 9h10v10H9zM5 15V5h10',
  more: 'M6 12h.01M12 12h.01M18 12h.01',
  down: 'M12 5v14M6 13l6 6 6-6',
  up: 'M12 19V5M6 11l6-6 6 6',
  mute: 'M6 10v4h3l4 4V6L9 10zM17 10l4 4M21 10l-4 4',
  group:
    'M9 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM3.500 19c.500-3.500 3-5 5.500-5s5 1.500 5.500 5M16 5.500a3 3 0 0 1 0 5.500M17 14c2 .500 3.300 2 3.700 5',
  pin: 'M9 4h6l-1 6 3 3v1H7v-1l3-3zM12 14v6',
  folder: 'M4 6h6l2 2h8v10H4z',
  label: 'M4 5h8l8 7.500-6.500 6.500L4 11zM8 8.500h.01',
  calendar: 'M5 6h14v13H5zM5 10h14M9 4v4M15 4v4',
  forward: 'M13 6l6 6-6 6M19 12H9a4 4 0 0 0-4 4v2',
  eye: 'M3 12c2-4 5.500-6 9-6s7 2 9 6c-2 4-5.500 6-9 6s-7-2-9-6zM12 9.500a2.500 2.500 0 1 0 0 5 2.500 2.500 0 0 0 0-5z',
  clock: 'M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16zM12 8v4l3 2',
  warning: 'M12 4 3 20h18zM12 10v5M12 17.500h.01',
  star: 'M12 4l2.500 5.200 5.500.800-4 4 1 5.700-5-2.800-5 2.800 1-5.700-4-4 5.500-.800z',
  unread: 'M4 5h16v11H9l-4 4v-4H4zM18 3.500a2.500 2.500 0 1 0 0 5 2.500 2.500 0 0 0 0-5z',
  offline:
    'M4 4l16 16M8 16a5.700 5.700 0 0 1 7 0M5 12.500a10 10 0 0 1 4-2.300M12 19.500h.01M15 10.500a10 10 0 0 1 4 2',
} as const;

export type IconName = keyof typeof PATHS;

/** An icon beside a text or inside a labelled button, hidden from screen readers. */
export function Icon({ name, size = 18 }: { readonly name: IconName; readonly size?: number }) {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      strokeWidth={name === 'more' ? 2.5 : 1.7}
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
      focusable="false"
    >
      <path d={PATHS[name]} />
    </svg>
  );
}
