import { useEffect, useMemo, useState } from 'react';

import { Avatar } from '@/components/avatar';
import { Button, IconButton } from '@/components/button';
import { Select, TextInput } from '@/components/inputs';
import type { Person } from '@/gen/plexus/directory/v1/people_pb';
import { useCell } from '@/kit/cell';
import { useNow } from '@/kit/now';
import { plainName } from '@/kit/text';
import { timeIn, timeZones } from '@/kit/time-zones';
import { useLanguage } from '@/messages/context';
import { useTexts } from '@/messages/subjects';
import { ProfileStore } from '@/stores/account/profile';
import { useWorkspace } from '@/stores/context';
import { storeOf } from '@/stores/lazy';

import { Awaited, Panel, ProblemNote } from './parts';
import styles from './settings.module.css';
import { useChanges } from './use-changes';
import { useTask } from './use-task';

const MAX_SKILLS = 50;

export function Profile() {
  const texts = useTexts('settings');
  const store = storeOf(useWorkspace(), ProfileStore);
  const person = useCell(store.person);
  const problem = useCell(store.problem);
  useEffect(() => void store.load(), [store]);
  if (person === undefined) return <Awaited problem={problem} onRetry={() => void store.load()} />;
  const { profile } = texts;
  const facts = [
    [profile.name, plainName(person.displayName)],
    [profile.handle, person.handle],
    [profile.post, plainName(person.title)],
    [profile.email, person.email],
  ] as const;
  return (
    <>
      <section className={styles.panel}>
        <div className={styles.buttons}>
          <Avatar id={person.id} name={person.displayName} />
          <bdi className={styles.name}>{plainName(person.displayName)}</bdi>
        </div>
        <dl className={styles.facts}>
          {facts.map(([name, value]) => (
            <Fact key={name} name={name} value={value === '' ? profile.none : value} />
          ))}
        </dl>
        <p className={styles.note}>{profile.managed}</p>
      </section>
      <TimeZone person={person} store={store} />
      <Skills person={person} store={store} />
    </>
  );
}

function Fact({ name, value }: { readonly name: string; readonly value: string }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>
        <bdi>{value}</bdi>
      </dd>
    </>
  );
}

interface Props {
  readonly person: Person;
  readonly store: ProfileStore;
}

function TimeZone({ person, store }: Props) {
  const { profile, saved } = useTexts('settings');
  const { locale } = useLanguage();
  const now = useNow();
  const { isDone, problem, run } = useChanges();
  const zones = useMemo(() => timeZones(person.timeZone), [person.timeZone]);
  return (
    <Panel
      title={profile.timeZone}
      note={profile.timeZoneNote(timeIn(person.timeZone, now, locale))}
    >
      <div className={styles.form}>
        <Select
          label={profile.timeZone}
          isLabelHidden
          value={person.timeZone}
          options={zones}
          onChange={(zone) => void run(() => store.setTimeZone(zone))}
        />
        <p role="status" className={styles.said}>
          {isDone ? saved : ''}
        </p>
        <ProblemNote problem={problem} />
      </div>
    </Panel>
  );
}

function Skills({ person, store }: Props) {
  const { profile } = useTexts('settings');
  const [typed, setTyped] = useState('');
  const { busy, problem, run } = useTask();
  const skill = typed.trim();
  const isNew = skill !== '' && !person.skills.includes(skill);
  return (
    <Panel title={profile.skills} note={profile.skillsNote}>
      {person.skills.length === 0 ? null : (
        <ul className={styles.chips} aria-label={profile.skills}>
          {person.skills.map((one) => (
            <li key={one} className={styles.chip}>
              <bdi>{plainName(one)}</bdi>
              <IconButton
                icon="close"
                small
                label={profile.removeSkill(one)}
                onPress={() =>
                  void run(() => store.setSkills(person.skills.filter((other) => other !== one)))
                }
              />
            </li>
          ))}
        </ul>
      )}
      <form
        className={styles.form}
        onSubmit={(event) => {
          event.preventDefault();
          if (!isNew) return;
          void run(() => store.setSkills([...person.skills, skill])).then((isDone) => {
            if (isDone) setTyped('');
          });
        }}
      >
        <TextInput label={profile.addSkill} value={typed} onChange={setTyped} maxLength={100} />
        <div className={styles.buttons}>
          <Button type="submit" isDisabled={busy || !isNew || person.skills.length >= MAX_SKILLS}>
            {profile.add}
          </Button>
        </div>
        <ProblemNote problem={problem} />
      </form>
    </Panel>
  );
}
