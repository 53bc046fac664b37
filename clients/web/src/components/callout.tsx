import { useLayoutEffect, useRef, type KeyboardEvent, type ReactNode } from 'react';
import { Dialog as AriaDialog, Modal, ModalOverlay } from 'react-aria-components';

import { classes } from '@/kit/classes';
import { placeBeside } from '@/kit/placing';

import styles from './callout.module.css';

/** Space between the target and the ring around it, in pixels. */
const MARGIN = 4;

interface Props {
  readonly label: string;
  /** Id of the text that is read aloud when it opens. */
  readonly describedBy: string;
  /** Selector of its target; without a visible target it is centred. */
  readonly target: string;
  readonly onClose: () => void;
  readonly onKeyDown?: (event: KeyboardEvent) => void;
  readonly children: ReactNode;
}

/** A window that points at a highlighted part of the page; Escape closes it. */
export function Callout({ label, describedBy, target, onClose, onKeyDown, children }: Props) {
  const ring = useRef<HTMLDivElement>(null);
  const frame = useRef<HTMLDivElement>(null);

  // After every rendering, because the next text may have another height.
  useLayoutEffect(() => {
    function arrange(): void {
      if (ring.current !== null && frame.current !== null)
        point(ring.current, frame.current, edgesOf(target));
    }
    arrange();
    addEventListener('resize', arrange);
    return () => removeEventListener('resize', arrange);
  });

  return (
    <ModalOverlay
      className={classes(styles.backdrop)}
      isOpen
      onOpenChange={(isOpen) => {
        if (!isOpen) onClose();
      }}
    >
      <div ref={ring} className={styles.ring} />
      <Modal ref={frame} className={classes(styles.frame)}>
        <AriaDialog
          className={classes(styles.dialog)}
          aria-label={label}
          aria-describedby={describedBy}
        >
          <div className={styles.content} onKeyDown={onKeyDown}>
            {children}
          </div>
        </AriaDialog>
      </Modal>
    </ModalOverlay>
  );
}

/** Return the edges of the target; undefined if it is not visible. */
function edgesOf(target: string): DOMRect | undefined {
  const edges = [...document.querySelectorAll(target)].map((one) => one.getBoundingClientRect());
  return edges.find(({ width }) => width > 0);
}

function point(ring: HTMLElement, frame: HTMLElement, target: DOMRect | undefined): void {
  const page = { width: innerWidth, height: innerHeight };
  const size = { width: frame.offsetWidth, height: frame.offsetHeight };
  const { left, top } = placeBeside(target, size, page);
  frame.style.left = `${left}px`;
  frame.style.top = `${top}px`;
  const around = target ?? new DOMRect(page.width / 2, page.height / 2, 0, 0);
  const margin = target === undefined ? 0 : MARGIN;
  ring.style.left = `${around.left - margin}px`;
  ring.style.top = `${around.top - margin}px`;
  ring.style.width = `${around.width + 2 * margin}px`;
  ring.style.height = `${around.height + 2 * margin}px`;
}
