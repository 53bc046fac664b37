import { createClient, type Transport } from '@connectrpc/connect';

import { createClients } from '@/api/clients';
import { callTransport, sessionTransport, streamTransport } from '@/api/transport';
import { SessionService as Sessions } from '@/gen/plexus/directory/v1/session_service_pb';
import { SessionService as Streams, type Frame } from '@/gen/plexus/gateway/v1/session_service_pb';
import type { Signal } from '@/kit/signal';
import { AccessKeeper } from '@/live/access';
import { Live } from '@/live/live';
import { Tabs } from '@/live/tabs';

import { ArrangingStore } from './arranging';
import { ConversationsStore } from './conversations/conversations';
import { EventsStore } from './conversations/events';
import { History } from './conversations/history';
import { Sync } from './conversations/sync';
import { DraftsStore } from './drafts';
import { MessagesStore } from './messages';
import { Outbox } from './outbox';
import { PeopleStore } from './people';
import { applyPersonal } from './personal';
import { PreferencesStore } from './preferences';
import { Reading } from './reading';
import { SessionStore } from './session';
import { ViewStore } from './view';

/** State of a browser, independent of the signed-in user. */
export interface Device {
  readonly preferences: PreferencesStore;
  readonly session: SessionStore;
  readonly access: AccessKeeper;
  readonly live: Live;
}

/** State of the signed-in user. */
export interface Workspace {
  readonly personId: string;
  /** For the services of stores that are created on demand; see `storeOf`. */
  readonly calls: Transport;
  readonly frames: Signal<Frame>;
  readonly conversations: ConversationsStore;
  readonly history: History;
  readonly events: EventsStore;
  readonly people: PeopleStore;
  readonly drafts: DraftsStore;
  readonly outbox: Outbox;
  readonly messages: MessagesStore;
  readonly arranging: ArrangingStore;
  readonly reading: Reading;
  readonly view: ViewStore;
}

export async function createDevice(): Promise<Device> {
  const tabs = new Tabs();
  const sessions = createClient(Sessions, sessionTransport());
  const access = new AccessKeeper(tabs, sessions);
  const session = new SessionStore(sessions, access, tabs);
  const live = new Live(createClient(Streams, streamTransport()), access, tabs);
  live.signedOut.on(() => session.end());
  await tabs.join();
  return { preferences: new PreferencesStore(localStorage), session, access, live };
}

/** Create the stores of a user and keep them in step with the stream. */
export function openWorkspace(device: Device, personId: string): Workspace {
  const calls = callTransport(device.access.token);
  const clients = createClients(calls);
  const conversations = new ConversationsStore(clients, personId);
  const sync = new Sync(clients, conversations);
  const drafts = new DraftsStore(clients);
  const reading = new Reading(clients, conversations, sync);
  device.live.frames.on((frame) => {
    sync.take(frame);
    const personal = frame.frame.case === 'personal' ? frame.frame.value.event : undefined;
    if (personal !== undefined) applyPersonal(personal, { conversations, drafts, reading });
  });
  device.live.start();
  void sync.start();
  // Drafts of other devices are optional: without them the composer starts empty.
  void drafts.load().catch(() => undefined);
  const messages = new MessagesStore(clients, conversations);
  // Until the tenant's windows are known, the defaults decide which actions are offered; the server
  // makes the final decision.
  void messages.loadPolicy().catch(() => undefined);
  const people = new PeopleStore(clients);
  const outbox = new Outbox(clients, conversations);
  void keep(device, { personId, conversations, outbox, people, frames: device.live.frames });
  return {
    personId,
    calls,
    frames: device.live.frames,
    conversations,
    history: new History(clients),
    events: new EventsStore(clients),
    people,
    drafts,
    outbox,
    messages,
    arranging: new ArrangingStore(clients, conversations),
    reading,
    view: new ViewStore(),
  };
}

/** Restore and store the state of this browser; without browser storage it starts empty. */
async function keep(
  device: Device,
  kept: Pick<Workspace, 'personId' | 'conversations' | 'outbox' | 'people' | 'frames'>,
): Promise<void> {
  const cacheKey = device.access.current.get()?.cacheKey;
  if (cacheKey === undefined || cacheKey.length === 0) return;
  try {
    const { Keeping } = await import('./keeping');
    await Keeping.begin(cacheKey, kept);
  } catch {
    // Everything is fetched, as on a first visit.
    return;
  }
}
