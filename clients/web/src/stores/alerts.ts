import { Cell } from '@/kit/cell';

const KEY = 'plexus.alerts';
const VISIBLE = 'plexus-visible';

/** State of this browser's notifications, and the reason if they are not shown. */
export type Alerting = 'unavailable' | 'unasked' | 'blocked' | 'off' | 'on';

/** Browser notifications, shown while none of its tabs is visible. */
export class AlertsStore {
  readonly state = new Cell<Alerting>(current());
  #release: (() => void) | undefined;

  constructor() {
    const settle = (): void => this.#settle();
    document.addEventListener('visibilitychange', settle);
    settle();
  }

  /** Request the browser's permission; only after a click or a key press. */
  async turnOn(): Promise<void> {
    localStorage.removeItem(KEY);
    await Notification.requestPermission();
    this.state.set(current());
  }

  turnOff(): void {
    localStorage.setItem(KEY, 'off');
    this.state.set(current());
  }

  /** Show a notification unless a tab of this browser is visible. */
  async show(alert: {
    readonly id: string;
    readonly title: string;
    readonly body: string;
    readonly onOpen: () => void;
  }): Promise<void> {
    this.state.set(current());
    if (this.state.get() !== 'on' || (await isLookedAt())) return;
    const shown = new Notification(alert.title, {
      body: alert.body,
      tag: alert.id,
      icon: '/favicon.svg',
    });
    shown.onclick = () => {
      window.focus();
      shown.close();
      alert.onOpen();
    };
  }

  /** Hold a shared lock while this tab is visible: the browser frees it when the tab crashes. */
  #settle(): void {
    const isVisible = document.visibilityState === 'visible';
    if (isVisible && this.#release === undefined) {
      const held = new Promise<void>((resolve) => {
        this.#release = resolve;
      });
      void navigator.locks.request(VISIBLE, { mode: 'shared' }, () => held);
    }
    if (!isVisible) {
      this.#release?.();
      this.#release = undefined;
    }
  }
}

async function isLookedAt(): Promise<boolean> {
  const { held = [] } = await navigator.locks.query();
  return held.some((lock) => lock.name === VISIBLE);
}

function current(): Alerting {
  if (!('Notification' in globalThis)) return 'unavailable';
  if (Notification.permission === 'denied') return 'blocked';
  if (Notification.permission === 'default') return 'unasked';
  return localStorage.getItem(KEY) === 'off' ? 'off' : 'on';
}
