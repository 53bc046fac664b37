import { Button } from '@/components/button';
import { useMessages } from '@/messages/context';

import styles from './composer.module.css';
import type { Pasted } from './use-pasting';

/** Describes the outcome of a paste, and offers the other one. */
export function PastedBar({ pasted }: { readonly pasted: Pasted }) {
  const { composer } = useMessages();
  const { kind, lines, isRaw, swap } = pasted;
  const made = kind === 'table' ? composer.asTable : composer.asCode;
  return (
    <div className={styles.aid} role="status">
      <span>{kind === 'table' && !isRaw ? composer.pastedTable : composer.pastedLong(lines)}</span>
      <Button look="plain" onPress={swap}>
        {isRaw ? made : composer.asPasted}
      </Button>
    </div>
  );
}
