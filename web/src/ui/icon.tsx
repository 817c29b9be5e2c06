// The few signs the pages use, drawn on a 20 x 20 grid with the text's own colour. They never stand alone for a meaning.

const PATHS = {
  play: 'M6 4l10 6-10 6z',
  pause: 'M6 4v12M14 4v12',
  stop: 'M5 5h10v10H5z',
  plus: 'M10 4v12M4 10h12',
  search: 'M9 15a6 6 0 1 0 0-12 6 6 0 0 0 0 12zM13.5 13.5L17 17',
  sun: 'M10 13.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM10 2v2M10 16v2M2 10h2M16 10h2M4.3 4.3l1.4 1.4M14.3 14.3l1.4 1.4M15.7 4.3l-1.4 1.4M5.7 14.3l-1.4 1.4',
  moon: 'M16 11.5A6.5 6.5 0 0 1 8.5 4 6.5 6.5 0 1 0 16 11.5z',
  user: 'M10 10a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM3.5 17c.6-3 3.2-4.5 6.5-4.5s5.9 1.5 6.5 4.5',
  bots: 'M3 8h14M5 8V5h10v3M4 8l1.5 8h9L16 8M8 12h.01M12 12h.01',
  deals: 'M3 6h11l-3-3M17 14H6l3 3',
  home: 'M3 9.5L10 4l7 5.5M5 8.5V16h10V8.5',
  gear: 'M10 12.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5zM10 2.5v2M10 15.5v2M2.5 10h2M15.5 10h2M4.7 4.7l1.4 1.4M13.9 13.9l1.4 1.4M15.3 4.7l-1.4 1.4M6.1 13.9l-1.4 1.4',
  trash: 'M4 6h12M8 6V4h4v2M5.5 6l.8 10h7.4l.8-10',
  edit: 'M4 16l1-4 8.5-8.5 3 3L8 15z',
  copy: 'M7 7h9v9H7zM4 13V4h9',
  dots: 'M5 10h.01M10 10h.01M15 10h.01',
  up: 'M10 16V4M5 9l5-5 5 5',
  down: 'M10 4v12M5 11l5 5 5-5',
  right: 'M8 5l5 5-5 5',
  close: 'M5 5l10 10M15 5L5 15',
  alert: 'M10 3L2.5 16.5h15zM10 8v4M10 14.2h.01',
  info: 'M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM10 9v4.5M10 6.5h.01',
  check: 'M4 10.5l4 4 8-9',
  clock: 'M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM10 6v4l3 2',
  lock: 'M5 9h10v7H5zM7 9V6.5a3 3 0 0 1 6 0V9',
} as const

export type IconName = keyof typeof PATHS

export function Icon({ name, size = 18 }: { name: IconName; size?: number }) {
  const dots = name === 'dots' || name === 'bots' || name === 'alert' || name === 'info'
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 20 20"
      fill={name === 'play' || name === 'stop' ? 'currentColor' : 'none'}
      stroke="currentColor"
      strokeWidth={dots ? 1.8 : 1.6}
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
      focusable="false"
      style={{ flex: 'none' }}
    >
      <path d={PATHS[name]} />
    </svg>
  )
}

/** The mark: a hull on its waterline. */
export function Mark({ size = 24 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden="true" focusable="false" style={{ flex: 'none' }}>
      <rect width="32" height="32" rx="7" fill="#0f4a52" />
      <path d="M5 15.5h22" stroke="#e8b04b" strokeWidth="2" strokeLinecap="round" />
      <path d="M7.5 18.5c.8 4.6 4.2 7.5 8.5 7.5s7.7-2.9 8.5-7.5z" fill="#d8ecea" />
      <path d="M16 5v8" stroke="#d8ecea" strokeWidth="2.2" strokeLinecap="round" />
    </svg>
  )
}
