import { useEffect, type ReactNode } from 'react';

import type { Person } from '@/gen/plexus/directory/v1/people_pb';
import { Person_Kind as Kind } from '@/gen/plexus/directory/v1/people_pb';
import { useCell } from '@/kit/cell';
import { clockOf } from '@/kit/clock';
import { useNow } from '@/kit/now';
import { plainName } from '@/kit/text';
import { milliseconds } from '@/kit/time';
import { clockIn, USUAL_HOURS, workAt, type Hours, type Work } from '@/kit/working-hours';
import { useLanguage } from '@/messages/context';
import { useTexts, type Subjects } from '@/messages/subjects';
import { personName } from '@/scenes/conversations/naming';
import { useWorkspace } from '@/stores/context';
import { DirectoryStore } from '@/stores/directory';
import { storeOf } from '@/stores/lazy';

import styles from './card.module.css';
import { PersonButton } from './person-button';

const SEPARATOR = ' · ';

type Texts = Subjects['people'];

/** The visible fields of a person on a card; unknown or hidden ones are left out. */
export function CardFacts({ person }: { readonly person: Person }) {
  const texts = useTexts('people');
  const { messages, format } = useLanguage();
  const workspace = useWorkspace();
  const { people } = workspace;
  const directory = storeOf(workspace, DirectoryStore);
  const now = useNow();
  useCell(people.version);
  const departments = useCell(directory.departments);
  useEffect(() => {
    if (departments.length === 0) void directory.loadDepartments();
  }, [departments, directory]);
  const paths = person.departmentIds
    .map((id) => pathOf(id, directory))
    .filter((path) => path !== '');
  const guestUntil = milliseconds(person.guestExpiresAt);
  return (
    <dl className={styles.facts}>
      <Fact label={texts.card.handle}>{person.handle}</Fact>
      <Fact label={texts.card.title}>{plainName(person.title)}</Fact>
      <Fact label={texts.card.department}>{paths.join(messages.timeline.listSeparator)}</Fact>
      {person.kind === Kind.GUEST && guestUntil > 0 ? (
        <Fact label={texts.guest}>{texts.card.guestUntil(format.shortDate(guestUntil, now))}</Fact>
      ) : null}
      <Absent person={person} />
      <LocalTime person={person} />
      <Fact label={texts.card.email}>{person.email}</Fact>
      {person.managerId === '' ? null : (
        <Fact label={texts.card.manager}>
          <PersonButton id={person.managerId}>
            <bdi>{personName(person.managerId, people, messages)}</bdi>
          </PersonButton>
        </Fact>
      )}
      <Fact label={texts.card.skills}>
        {person.skills.map(plainName).join(messages.timeline.listSeparator)}
      </Fact>
    </dl>
  );
}

function Fact({ label, children }: { readonly label: string; readonly children: ReactNode }) {
  if (children === '') return null;
  return (
    <div>
      <dt>{label}</dt>
      <dd>
        <bdi>{children}</bdi>
      </dd>
    </div>
  );
}

function Absent({ person: { absence } }: { readonly person: Person }) {
  const texts = useTexts('people');
  const { messages, format } = useLanguage();
  const { people } = useWorkspace();
  const now = useNow();
  const startsAt = milliseconds(absence?.startsAt);
  const endsAt = milliseconds(absence?.endsAt);
  if (absence === undefined || endsAt <= now) return null;
  const words = startsAt <= now ? texts.card.absent : texts.card.willBeAbsent;
  return (
    <div className={styles.absence}>
      <dt className="visually-hidden">{texts.awayUntil(format.shortDate(endsAt, now))}</dt>
      <dd>
        <p>{words(format.shortDate(startsAt, now), format.shortDate(endsAt, now))}</p>
        {absence.note === '' ? null : (
          <p>
            <bdi>{plainName(absence.note)}</bdi>
          </p>
        )}
        {absence.deputyId === '' ? (
          <p>{texts.card.noDeputy}</p>
        ) : (
          <PersonButton id={absence.deputyId}>
            <bdi>{texts.card.deputy(personName(absence.deputyId, people, messages))}</bdi>
          </PersonButton>
        )}
      </dd>
    </div>
  );
}

function LocalTime({ person }: { readonly person: Person }) {
  const texts = useTexts('people');
  const now = useNow();
  if (person.timeZone === '') return null;
  const hours: Hours = person.workingHours ?? USUAL_HOURS;
  const clock = clockIn(person.timeZone, now);
  const work = workAt(hours, clock);
  const time = `${texts.card.weekdays[clock.weekday] ?? ''} ${clockOf(clock.minute)}`;
  return (
    <>
      <Fact label={texts.card.localTime}>
        {time} · {person.timeZone.replaceAll('_', ' ')}
        <span className={styles.work}>
          {[
            work.isWorking ? texts.card.working : texts.card.notWorking,
            changeText(work, clock.weekday, texts),
          ]
            .filter((words) => words !== '')
            .join(SEPARATOR)}
        </span>
      </Fact>
      <Fact label={texts.card.worksAt}>{hoursText(hours, texts)}</Fact>
    </>
  );
}

function changeText({ isWorking, changes }: Work, today: number, texts: Texts): string {
  if (changes === undefined) return '';
  const time = clockOf(changes.minute);
  if (isWorking) return texts.card.until(time);
  if (changes.weekday === today) return texts.card.from(time);
  const isTomorrow = changes.weekday === (today % 7) + 1;
  const day = isTomorrow ? texts.card.tomorrow : (texts.card.weekdays[changes.weekday] ?? '');
  return texts.card.from(`${day} ${time}`);
}

function hoursText({ weekdays, windows }: Hours, texts: Texts): string {
  const days = [...weekdays].sort((one, other) => one - other);
  const name = (day: number | undefined): string => texts.card.weekdays[day ?? 0] ?? '';
  const isRange =
    days.length > 2 &&
    days.every((day, index) => index === 0 || day === (days[index - 1] ?? 0) + 1);
  const dayWords = isRange
    ? texts.card.weekdayRange(name(days[0]), name(days.at(-1)))
    : days.map(name).join(' ');
  const times = windows.map(
    ({ startMinute, endMinute }) => `${clockOf(startMinute)}–${clockOf(endMinute)}`,
  );
  return [dayWords, ...times].join(' ');
}

/** Return the path of a department, without the company itself if possible. */
function pathOf(id: string, directory: DirectoryStore): string {
  const path = directory.department(id)?.path ?? [];
  const shown = path.length > 1 ? path.slice(1) : path;
  return shown.map((one) => plainName(directory.department(one)?.name ?? '')).join(' / ');
}
