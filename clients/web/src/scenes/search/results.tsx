import { Link, useNavigate, useRouter } from '@tanstack/react-router';
import { Button } from 'react-aria-components';

import { taskAddress } from '@/actions/addresses';
import { problemOf } from '@/api/problems';
import { Avatar } from '@/components/avatar';
import { Icon } from '@/components/icon';
import type { Hit } from '@/gen/plexus/search/v1/search_service_pb';
import { classes } from '@/kit/classes';
import { useCell } from '@/kit/cell';
import { stretchesOf } from '@/kit/highlight';
import { useNow } from '@/kit/now';
import { excerpt, plainName } from '@/kit/text';
import { milliseconds } from '@/kit/time';
import { useLanguage, useMessages } from '@/messages/context';
import { problemText } from '@/messages/problem';
import { useTexts } from '@/messages/subjects';
import { nameOf, personName } from '@/scenes/conversations/naming';
import { useWorkspace } from '@/stores/context';
import { directWith } from '@/stores/conversations/direct';
import { KINDS, type Found, type Kind } from '@/stores/search';

import styles from './search.module.css';

const SHOWN = 240;
const MAX_PARTS = 2;
const ORDER: readonly Kind[] = ['person', 'task', 'message'];

/** Search results by kind; within a kind the best first. */
export function Results({ found }: { readonly found: Found }) {
  const texts = useTexts('search');
  const kinds = ORDER.filter((kind) => found.hits.some((hit) => hit.type === kind));
  return kinds.map((kind) => (
    <section key={kind} aria-labelledby={`found-${kind}`}>
      <h2 className={styles.kind} id={`found-${kind}`}>
        {texts.kind[kind]}
      </h2>
      <ul className={styles.list}>
        {found.hits
          .filter((hit) => hit.type === kind)
          .map((hit) => (
            <li key={hit.id}>
              <Result hit={hit} />
            </li>
          ))}
      </ul>
    </section>
  ));
}

function Result({ hit }: { readonly hit: Hit }) {
  switch (KINDS.find((kind) => kind === hit.type)) {
    case 'person':
      return <FoundPerson hit={hit} />;
    case 'task':
      return <FoundTask hit={hit} />;
    default:
      return <FoundMessage hit={hit} />;
  }
}

function FoundMessage({ hit }: { readonly hit: Hit }) {
  const texts = useTexts('search');
  const { messages, format } = useLanguage();
  const { people, conversations } = useWorkspace();
  const now = useNow();
  useCell(people.version);
  useCell(conversations.list);
  const log = conversations.get(hit.conversationId);
  const author = personName(hit.authorId, people, messages);
  const place = log === undefined ? texts.unknownConversation : nameOf(log, people, messages);
  const at = milliseconds(hit.at);
  return (
    <Link
      data-result
      className={styles.result}
      to="/c/$conversationId"
      params={{ conversationId: hit.conversationId }}
      search={{ at: Number(hit.seq) }}
    >
      <Avatar id={hit.authorId} name={author} />
      <span className={styles.words}>
        <span className={styles.line}>
          <bdi className={styles.name}>{author}</bdi>
          <bdi className={styles.place}>{texts.inConversation(place)}</bdi>
          {at === 0 ? null : (
            <time
              className={styles.time}
              dateTime={new Date(at).toISOString()}
              title={format.full(at)}
            >
              {format.recent(at, now)}
            </time>
          )}
        </span>
        <Highlighted hit={hit} />
      </span>
    </Link>
  );
}

function FoundTask({ hit }: { readonly hit: Hit }) {
  const workspace = useWorkspace();
  const { messages, format } = useLanguage();
  const now = useNow();
  useCell(workspace.people.version);
  const { history } = useRouter();
  const [title = ''] = hit.text.split('\n');
  const at = milliseconds(hit.at);
  return (
    <a
      data-result
      className={styles.result}
      href={taskAddress(hit.id)}
      onClick={(event) => {
        event.preventDefault();
        history.push(taskAddress(hit.id));
      }}
    >
      <span className={styles.picture}>
        <Icon name="task" size={19} />
      </span>
      <span className={styles.words}>
        <span className={styles.line}>
          <bdi className={styles.name}>{plainName(title)}</bdi>
          <bdi className={styles.place}>{personName(hit.authorId, workspace.people, messages)}</bdi>
          {at === 0 ? null : (
            <time className={styles.time} dateTime={new Date(at).toISOString()}>
              {format.recent(at, now)}
            </time>
          )}
        </span>
        <Highlighted hit={hit} />
      </span>
    </a>
  );
}

/** A colleague; opens the direct conversation. */
function FoundPerson({ hit }: { readonly hit: Hit }) {
  const workspace = useWorkspace();
  const messages = useMessages();
  const navigate = useNavigate();
  const { people, view } = workspace;
  useCell(people.version);
  const person = people.get(hit.id);
  const name = personName(hit.id, people, messages);
  async function open(): Promise<void> {
    try {
      const conversationId = await directWith(hit.id, workspace);
      await navigate({ to: '/c/$conversationId', params: { conversationId }, search: {} });
    } catch (error) {
      view.notify(problemText(problemOf(error), messages));
    }
  }
  return (
    <Button
      className={classes(styles.result)}
      onPress={() => void open()}
      render={(props) => <button {...props} data-result />}
    >
      <Avatar id={hit.id} name={name} />
      <span className={styles.words}>
        <span className={styles.line}>
          <bdi className={styles.name}>{name}</bdi>
          <span className={styles.place}>{person?.handle}</span>
        </span>
        <span className={styles.text}>{plainName(person?.title ?? '')}</span>
      </span>
    </Button>
  );
}

/** The matching parts of a text, with the matches marked. */
function Highlighted({ hit }: { readonly hit: Hit }) {
  const parts = hit.highlights.slice(0, MAX_PARTS);
  if (parts.length === 0) return <span className={styles.text}>{excerpt(hit.text, SHOWN)}</span>;
  return (
    <span className={styles.text} dir="auto">
      {parts.flatMap((part, index) => [
        ...(index === 0 ? [] : [' … ']),
        ...stretchesOf(part).map((stretch, at) =>
          stretch.found ? (
            <mark key={`${index}-${at}`} className={styles.mark}>
              {stretch.text}
            </mark>
          ) : (
            stretch.text
          ),
        ),
      ])}
    </span>
  );
}
