import { useEffect, useState } from 'react';

import { Button, IconButton } from '@/components/button';
import { Clock } from '@/components/controls';
import { useCell } from '@/kit/cell';
import { clockOf, minutesOf, overlaps } from '@/kit/clock';
import type { Hours } from '@/kit/working-hours';
import { useTexts } from '@/messages/subjects';
import { ProfileStore } from '@/stores/account/profile';
import { useWorkspace } from '@/stores/context';
import { storeOf } from '@/stores/lazy';

import { Awaited, Days, Panel, ProblemNote } from './parts';
import styles from './settings.module.css';
import { useTask } from './use-task';

const MAX_WINDOWS = 8;
const DEFAULT: Hours = {
  weekdays: [1, 2, 3, 4, 5],
  windows: [
    { startMinute: 540, endMinute: 720 },
    { startMinute: 810, endMinute: 1080 },
  ],
};

export function WorkingHours() {
  const store = storeOf(useWorkspace(), ProfileStore);
  const person = useCell(store.person);
  const problem = useCell(store.problem);
  useEffect(() => void store.load(), [store]);
  if (person === undefined) return <Awaited problem={problem} onRetry={() => void store.load()} />;
  return <Editor hours={person.workingHours ?? DEFAULT} store={store} />;
}

function Editor({ hours, store }: { readonly hours: Hours; readonly store: ProfileStore }) {
  const texts = useTexts('settings');
  const [edited, setEdited] = useState<Hours>(hours);
  const { busy, isDone, problem, run } = useTask();
  const { weekdays, windows } = edited;
  const fault =
    weekdays.length === 0
      ? texts.hours.noDays
      : overlaps(windows)
        ? texts.hours.overlap
        : undefined;

  function setWindow(index: number, change: Partial<Hours['windows'][number]>): void {
    setEdited({
      ...edited,
      windows: windows.map((window, at) => (at === index ? { ...window, ...change } : window)),
    });
  }

  return (
    <>
      <p className={styles.note}>{texts.hours.lead}</p>
      <Panel title={texts.hours.days}>
        <Days
          label={texts.hours.days}
          isLabelHidden
          days={weekdays}
          onChange={(days) => setEdited({ ...edited, weekdays: days })}
        />
      </Panel>
      <Panel title={texts.hours.windows}>
        <ul className={styles.items}>
          {windows.map((window, index) => (
            <li key={index}>
              <div className={styles.item} role="group" aria-label={texts.hours.window(index + 1)}>
                <div className={styles.times}>
                  <Clock
                    label={texts.hours.start}
                    value={clockOf(window.startMinute)}
                    onChange={(value) => setWindow(index, { startMinute: minutesOf(value) })}
                  />
                  <Clock
                    label={texts.hours.end}
                    value={clockOf(window.endMinute % 1440)}
                    onChange={(value) => setWindow(index, { endMinute: minutesOf(value) || 1440 })}
                  />
                </div>
                {windows.length === 1 ? null : (
                  <IconButton
                    icon="trash"
                    label={texts.hours.removeWindow(index + 1)}
                    small
                    onPress={() =>
                      setEdited({ ...edited, windows: windows.filter((_, at) => at !== index) })
                    }
                  />
                )}
              </div>
            </li>
          ))}
        </ul>
        <div className={styles.buttons}>
          <Button
            isDisabled={windows.length >= MAX_WINDOWS}
            onPress={() =>
              setEdited({
                ...edited,
                windows: [...windows, { startMinute: 1140, endMinute: 1260 }],
              })
            }
          >
            {texts.hours.addWindow}
          </Button>
        </div>
      </Panel>
      <div className={styles.panel}>
        {fault === undefined ? null : (
          <p role="alert" className={styles.problem}>
            {fault}
          </p>
        )}
        <ProblemNote problem={problem} />
        <div className={styles.buttons}>
          <Button
            look="primary"
            isDisabled={busy || fault !== undefined}
            onPress={() =>
              void run(() =>
                store.setHours({
                  weekdays,
                  windows: [...windows].sort((one, other) => one.startMinute - other.startMinute),
                }),
              )
            }
          >
            {texts.save}
          </Button>
          <span role="status" className={styles.said}>
            {isDone ? texts.saved : ''}
          </span>
        </div>
      </div>
    </>
  );
}
