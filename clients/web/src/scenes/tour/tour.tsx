import { useEffect, useId, useRef, useState, type KeyboardEvent } from 'react';

import { shownShortcut } from '@/actions/action';
import { APP_ACTIONS } from '@/actions/app';
import { Button } from '@/components/button';
import { Callout } from '@/components/callout';
import { classes } from '@/kit/classes';
import { useTexts } from '@/messages/subjects';
import { useDevice, useWorkspace } from '@/stores/context';
import { tourKey } from '@/stores/preferences';

import { STEPS } from './steps';
import styles from './tour.module.css';

/** A tour with one step for each part of the navigation. */
export function Tour() {
  const texts = useTexts('tour');
  const { preferences } = useDevice();
  const { personId, view } = useWorkspace();
  const id = useId();
  const [at, setAt] = useState(0);
  const next = useRef<HTMLButtonElement>(null);
  const step = STEPS[at] ?? STEPS[0];
  const isLast = at === STEPS.length - 1;
  const { title, text } = texts.steps[step.id];
  const shortcut = APP_ACTIONS.find((action) => action.id === step.action)?.shortcut;

  function close(): void {
    preferences.setTourSeen(personId);
    view.tour.set(false);
  }

  function go(to: number): void {
    if (to >= STEPS.length) {
      close();
      return;
    }
    setAt(Math.max(0, to));
    // The first step has no back button; the focus must not disappear with it.
    if (to <= 0) next.current?.focus();
  }

  function onKeyDown({ key }: KeyboardEvent): void {
    if (key === 'ArrowRight' && !isLast) go(at + 1);
    if (key === 'ArrowLeft') go(at - 1);
  }

  useEffect(() => {
    // Finished in another tab.
    function onStorage({ key }: StorageEvent): void {
      if (key === tourKey(personId)) view.tour.set(false);
    }
    addEventListener('storage', onStorage);
    return () => removeEventListener('storage', onStorage);
  }, [personId, view]);

  return (
    <Callout
      label={texts.label}
      describedBy={id}
      target={step.target}
      onClose={close}
      onKeyDown={onKeyDown}
    >
      <div id={id} className={styles.words} aria-live="polite" aria-atomic="true">
        <p className={styles.position}>{texts.position(at + 1, STEPS.length)}</p>
        <h2 className={styles.title}>{title}</h2>
        <p>{text(shownShortcut(shortcut) ?? '')}</p>
      </div>
      <div className={styles.bar}>
        <span className={styles.dots} aria-hidden="true">
          {STEPS.map((one, index) => (
            <span key={one.id} className={classes(styles.dot, index === at && styles.current)} />
          ))}
        </span>
        <span className={styles.buttons}>
          {isLast ? null : (
            <Button look="plain" onPress={close}>
              {texts.skip}
            </Button>
          )}
          {at === 0 ? null : <Button onPress={() => go(at - 1)}>{texts.back}</Button>}
          <Button ref={next} look="primary" autoFocus onPress={() => go(at + 1)}>
            {isLast ? texts.done : texts.next}
          </Button>
        </span>
      </div>
    </Callout>
  );
}
