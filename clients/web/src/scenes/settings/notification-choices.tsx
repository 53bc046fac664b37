import { useEffect } from 'react';

import { Button } from '@/components/button';
import { Check, Clock, Toggle } from '@/components/controls';
import {
  Channel,
  NotificationKind,
  type Preferences,
  type QuietHours,
} from '@/gen/plexus/notify/v1/notifications_pb';
import { useCell } from '@/kit/cell';
import { minutesOf } from '@/kit/clock';
import { useTexts } from '@/messages/subjects';
import { ProfileStore } from '@/stores/account/profile';
import { AlertsStore } from '@/stores/alerts';
import { useWorkspace } from '@/stores/context';
import { storeOf } from '@/stores/lazy';
import { NotificationChoicesStore } from '@/stores/notification-choices';

import { Awaited, Days, Panel, ProblemNote } from './parts';
import styles from './settings.module.css';
import { useChanges } from './use-changes';

const CHANNELS = [Channel.IN_APP, Channel.EMAIL];
const EVERY_DAY = [1, 2, 3, 4, 5, 6, 7];

export function NotificationChoices() {
  const store = storeOf(useWorkspace(), NotificationChoicesStore);
  const choices = useCell(store.choices);
  const problem = useCell(store.problem);
  useEffect(() => void store.load(), [store]);
  return (
    <>
      {choices === undefined ? (
        <Awaited problem={problem} onRetry={() => void store.load()} />
      ) : (
        <>
          <Channels choices={choices} store={store} />
          <Quiet choices={choices} store={store} />
        </>
      )}
      <Alerts />
    </>
  );
}

interface Props {
  readonly choices: Preferences;
  readonly store: NotificationChoicesStore;
}

/** The channels of each kind of notification; saved at once. */
function Channels({ choices, store }: Props) {
  const { notifications } = useTexts('settings');
  const profile = storeOf(useWorkspace(), ProfileStore);
  const person = useCell(profile.person);
  const { problem, run } = useChanges();
  useEffect(() => void profile.load(), [profile]);
  const isAdmin = person?.roles.includes('admin') === true;
  const kinds = choices.kinds.filter(
    ({ kind }) =>
      notifications.kind[kind] !== undefined &&
      // Only administrators receive it.
      (isAdmin || kind !== NotificationKind.FEED_STOPPED),
  );
  return (
    <Panel title={notifications.table} note={notifications.lead}>
      <table className={styles.table}>
        <thead>
          <tr>
            <th scope="col">{notifications.kindHead}</th>
            {CHANNELS.map((channel) => (
              <th key={channel} scope="col">
                {notifications.channel[channel]}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {kinds.map(({ kind, channels }) => (
            <tr key={kind}>
              <th scope="row">{notifications.kind[kind]}</th>
              {CHANNELS.map((channel) => (
                <td key={channel}>
                  <Check
                    label=""
                    name={notifications.wants(
                      notifications.kind[kind] ?? '',
                      notifications.channel[channel] ?? '',
                    )}
                    isOn={channels.includes(channel)}
                    onChange={(isOn) => void run(() => store.setChannel(kind, channel, isOn))}
                  />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      <ProblemNote problem={problem} />
    </Panel>
  );
}

function Quiet({ choices, store }: Props) {
  const { notifications } = useTexts('settings');
  const { problem, run } = useChanges();
  const hours = choices.quietHours;
  if (hours === undefined) return null;
  const current: QuietHours = hours;
  const change = (part: Partial<Pick<QuietHours, 'enabled' | 'start' | 'end' | 'weekdays'>>) =>
    void run(() =>
      store.setQuietHours({
        enabled: current.enabled,
        start: current.start,
        end: current.end,
        weekdays: current.weekdays,
        ...part,
      }),
    );
  const crosses = minutesOf(hours.end) <= minutesOf(hours.start);
  return (
    <Panel title={notifications.quiet}>
      <Toggle
        label={notifications.quietOn}
        note={notifications.quietNote}
        isOn={hours.enabled}
        onChange={(enabled) => change({ enabled })}
      />
      {hours.enabled ? (
        <>
          <div className={styles.times}>
            <Clock
              label={notifications.start}
              value={hours.start}
              onChange={(start) => change({ start })}
            />
            <Clock
              label={notifications.end}
              value={hours.end}
              onChange={(end) => change({ end })}
            />
            {crosses ? <span className={styles.note}>{notifications.crosses}</span> : null}
          </div>
          <Days
            label={notifications.days}
            days={hours.weekdays.length === 0 ? EVERY_DAY : hours.weekdays}
            // At least one day is required: the switch turns the window off.
            onChange={(days) =>
              change(days.length === 0 ? { enabled: false } : { weekdays: [...days] })
            }
          />
        </>
      ) : null}
      <ProblemNote problem={problem} />
    </Panel>
  );
}

/** Browser notifications. */
function Alerts() {
  const { notifications, retry } = useTexts('settings');
  const alerts = storeOf(useWorkspace(), AlertsStore);
  const state = useCell(alerts.state);
  const note = {
    unavailable: notifications.alertsUnavailable,
    blocked: notifications.alertsBlocked,
    unasked: notifications.alertsNote,
    off: notifications.alertsNote,
    on: notifications.alertsNote,
  }[state];
  return (
    <Panel title={notifications.alerts}>
      <Toggle
        label={notifications.alertsOn}
        note={note}
        isOn={state === 'on'}
        isDisabled={state === 'unavailable' || state === 'blocked'}
        onChange={(isOn) => {
          if (isOn) void alerts.turnOn();
          else alerts.turnOff();
        }}
      />
      {state === 'blocked' ? (
        <div className={styles.buttons}>
          <Button onPress={() => location.reload()}>{retry}</Button>
        </div>
      ) : null}
    </Panel>
  );
}
