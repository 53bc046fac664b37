import { useDeferredValue, useEffect, useMemo, useState } from 'react';

import { Button } from '@/components/button';
import { Select, TextInput } from '@/components/inputs';
import { Skeleton } from '@/components/skeleton';
import { useCell } from '@/kit/cell';
import { byCharacters } from '@/kit/pinyin';
import { plainName } from '@/kit/text';
import { useMessages } from '@/messages/context';
import { problemText } from '@/messages/problem';
import { useTexts } from '@/messages/subjects';
import { personName } from '@/scenes/conversations/naming';
import { useMatcher } from '@/scenes/people/use-matcher';
import { useWorkspace } from '@/stores/context';
import { listKey } from '@/stores/tasks/loading';
import { STATES } from '@/stores/tasks/states';

import { ANYONE, ANY_STATE, filterOf, LIST, OPEN, useTasksAddress } from './address';
import styles from './list.module.css';
import { TaskRow } from './task-row';
import sceneStyles from './tasks.module.css';
import { useTasks } from './use-tasks';

/** A list of tasks, most recently changed first; the address contains the filters. */
export function TaskList() {
  const texts = useTexts('tasks');
  const messages = useMessages();
  const { personId } = useWorkspace();
  const { place, search, openTask } = useTasksAddress();
  const tasks = useTasks();
  const matcher = useMatcher();
  const [words, setWords] = useState('');
  const wanted = useDeferredValue(words.trim());
  const filter = useMemo(() => filterOf(place, search, personId), [place, search, personId]);
  const loaded = useCell(tasks.loading.state(listKey(filter)));
  useEffect(() => tasks.loading.loadList(filter), [tasks, filter]);
  const { tasks: listed, hasMore } = tasks.loading.list(filter);
  const match = matcher ?? byCharacters;
  const shown =
    wanted === ''
      ? listed
      : listed.filter(({ title, key }) => match(title, wanted) || byCharacters(key, wanted));
  return (
    <>
      <Filters words={words} onWords={setWords} />
      <div className={styles.scroll}>
        <p className={styles.shown} role="status">
          {loaded.state === 'ready' ? texts.filters.shown(shown.length) : ''}
        </p>
        {loaded.state === 'failed' && loaded.problem !== undefined ? (
          <div className={sceneStyles.problem} role="alert">
            <p>{problemText(loaded.problem, messages, texts.reasons)}</p>
            <Button onPress={() => tasks.loading.loadList(filter)}>{texts.retry}</Button>
          </div>
        ) : null}
        {loaded.state === 'loading' ? <Skeleton label={texts.loading} /> : null}
        {loaded.state === 'ready' && shown.length === 0 ? (
          <p className={styles.empty}>{texts.filters.none}</p>
        ) : null}
        <ul className={styles.rows}>
          {shown.map((task) => (
            <TaskRow
              key={task.id}
              task={task}
              isOpen={search.task === task.id || search.task === task.key}
              onOpen={openTask}
            />
          ))}
        </ul>
        {hasMore ? (
          <Button look="plain" onPress={() => tasks.loading.loadList(filter, true)}>
            {texts.column.more}
          </Button>
        ) : null}
      </div>
    </>
  );
}

interface FiltersProps {
  readonly words: string;
  readonly onWords: (words: string) => void;
}

function Filters({ words, onWords }: FiltersProps) {
  const texts = useTexts('tasks');
  const messages = useMessages();
  const { people, personId } = useWorkspace();
  const { place, search, change } = useTasksAddress();
  const { loading } = useTasks();
  useCell(people.version);
  const isProject = place !== LIST;
  const members = loading.project(isProject ? place : (search.project ?? ''))?.memberIds ?? [];
  const names = members
    .filter((id) => id !== personId)
    .map((id) => ({ value: id, label: personName(id, people, messages) }))
    .sort((one, other) => one.label.localeCompare(other.label));
  const states = STATES.map((state) => ({ value: `${state}`, label: texts.state[state] ?? '' }));
  const filter = filterOf(place, search, personId);
  return (
    <div className={styles.filters} role="group" aria-label={texts.filters.label}>
      <TextInput
        type="search"
        label={texts.filters.words}
        placeholder={texts.filters.words}
        isLabelHidden
        value={words}
        onChange={onWords}
      />
      <Select
        inline
        label={texts.filters.assignee}
        value={filter.assigneeId === '' ? ANYONE : filter.assigneeId}
        options={[
          { value: ANYONE, label: texts.filters.anyone },
          { value: personId, label: texts.filters.me },
          ...names,
        ]}
        onChange={(who) => change({ who })}
      />
      <Select
        inline
        label={texts.filters.state}
        value={search.state ?? OPEN}
        options={[
          { value: OPEN, label: texts.filters.open },
          { value: ANY_STATE, label: texts.filters.any },
          ...states,
        ]}
        onChange={(state) => change({ state })}
      />
      {isProject ? null : (
        <Select
          inline
          label={texts.filters.project}
          value={search.project ?? ''}
          options={[
            { value: '', label: texts.filters.anyProject },
            ...loading.projects
              .get()
              .map((project) => ({ value: project.id, label: plainName(project.name) })),
          ]}
          onChange={(project) => change({ project })}
        />
      )}
    </div>
  );
}
