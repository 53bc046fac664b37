import { useNavigate, useSearch } from '@tanstack/react-router';
import { Suspense, useEffect, useState } from 'react';

import { Button } from '@/components/button';
import { Select, TextInput } from '@/components/inputs';
import { Skeleton } from '@/components/skeleton';
import { Waiting } from '@/components/waiting';
import { useCell } from '@/kit/cell';
import { plainName } from '@/kit/text';
import { rowsOf, treeOf } from '@/kit/tree';
import { useLanguage, useMessages } from '@/messages/context';
import { problemText } from '@/messages/problem';
import { useTexts } from '@/messages/subjects';
import { useWorkspace } from '@/stores/context';
import { DirectoryStore } from '@/stores/directory';
import { storeOf } from '@/stores/lazy';

import { DepartmentTree } from './department-tree';
import styles from './people.module.css';
import { PeopleList } from './people-list';
import { useFound } from './use-found';

/** The people of the company, by department or by search. */
export function PeopleScene() {
  const messages = useMessages();
  return (
    <Suspense fallback={<Waiting title={messages.product} label={messages.starting.loading} />}>
      <Loaded />
    </Suspense>
  );
}

function Loaded() {
  const texts = useTexts('people');
  const { locale } = useLanguage();
  const navigate = useNavigate();
  const directory = storeOf(useWorkspace(), DirectoryStore);
  const departments = useCell(directory.departments);
  const search = useSearch({ strict: false });
  const departmentId = search.department ?? '';
  const [query, setQuery] = useState(search.q ?? '');
  useEffect(() => {
    void directory.loadDepartments();
  }, [directory]);

  function show(department: string): void {
    setQuery('');
    void navigate({ to: '/people', search: department === '' ? {} : { department } });
  }

  const tree = treeOf(departments, locale);
  const every = new Set(departments.map(({ id }) => id));
  const options = rowsOf(tree, every).map(({ item, depth }) => ({
    value: item.id,
    label: `${'  '.repeat(depth)}${plainName(item.name)}`,
  }));
  return (
    <div className={styles.scene}>
      <nav className={styles.nav} aria-label={texts.departments}>
        <h2>{texts.title}</h2>
        <DepartmentTree tree={tree} selected={departmentId} onSelect={show} />
      </nav>
      <main className={styles.main} id="main">
        <header className={styles.head}>
          <h1 className="visually-hidden">{texts.title}</h1>
          <div className={styles.find}>
            <TextInput
              type="search"
              label={texts.searchLabel}
              placeholder={texts.search}
              isLabelHidden
              value={query}
              onChange={setQuery}
            />
          </div>
          <div className={styles.choose}>
            <Select
              label={texts.switchDepartment}
              isLabelHidden
              value={departmentId}
              options={[{ value: '', label: texts.everyone }, ...options]}
              onChange={show}
            />
          </div>
        </header>
        {query.trim() === '' ? (
          <Listed departmentId={departmentId} />
        ) : (
          <Found key={departmentId} query={query} />
        )}
      </main>
    </div>
  );
}

function Listed({ departmentId }: { readonly departmentId: string }) {
  const texts = useTexts('people');
  const messages = useMessages();
  const directory = storeOf(useWorkspace(), DirectoryStore);
  const { people, nextPageToken, state, problem } = useCell(directory.listed(departmentId));
  useCell(directory.departments);
  const department = directory.department(departmentId);
  useEffect(() => {
    void directory.load(departmentId);
  }, [directory, departmentId]);
  return (
    <>
      <div className={styles.title}>
        <h2>
          <bdi>{department === undefined ? texts.everyone : plainName(department.name)}</bdi>
        </h2>
        <span className={styles.note}>
          {state === 'ready' && nextPageToken === '' ? texts.count(people.length) : ''}
        </span>
      </div>
      {state === 'failed' && problem !== undefined ? (
        <div className={styles.problem} role="alert">
          <p>{problemText(problem, messages, texts.reasons)}</p>
          <Button onPress={() => void directory.load(departmentId)}>{texts.retry}</Button>
        </div>
      ) : null}
      {state === 'loading' ? <Skeleton label={texts.loading} /> : null}
      {state === 'ready' && people.length === 0 ? (
        <p className={styles.empty}>{texts.empty}</p>
      ) : null}
      {people.length === 0 ? null : (
        <PeopleList
          people={people}
          leaderId={department?.leaderId ?? ''}
          onEnd={() => void directory.load(departmentId, true)}
        />
      )}
    </>
  );
}

function Found({ query }: { readonly query: string }) {
  const texts = useTexts('people');
  const directory = storeOf(useWorkspace(), DirectoryStore);
  const loadingAll = useCell(directory.loadingAll);
  const found = useFound(query);
  return (
    <>
      <p className={styles.status} role="status">
        {found.length > 0
          ? texts.count(found.length)
          : loadingAll === 'loading'
            ? texts.loadingAll
            : texts.none}
      </p>
      {found.length === 0 ? null : <PeopleList people={found} leaderId="" />}
    </>
  );
}
