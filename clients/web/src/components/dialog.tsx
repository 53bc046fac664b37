import type { ReactNode } from 'react';
import { Dialog as AriaDialog, Modal, ModalOverlay } from 'react-aria-components';
import { classes } from '@/kit/classes';

import styles from './dialog.module.css';

interface Props {
  readonly label: string;
  readonly isOpen: boolean;
  readonly onClose: () => void;
  readonly children: ReactNode;
}

/** A modal window; Escape and a click outside close it. */
export function Dialog({ label, isOpen, onClose, children }: Props) {
  return (
    <ModalOverlay
      className={classes(styles.backdrop)}
      isOpen={isOpen}
      onOpenChange={(open) => {
        if (!open) onClose();
      }}
      isDismissable
    >
      <Modal className={classes(styles.modal)}>
        <AriaDialog className={classes(styles.dialog)} aria-label={label}>
          {children}
        </AriaDialog>
      </Modal>
    </ModalOverlay>
  );
}
