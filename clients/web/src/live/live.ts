import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import type { Client } from '@connectrpc/connect';

import type { Frame, SessionService } from '@/gen/plexus/gateway/v1/session_service_pb';
import { SubscribeResponseSchema } from '@/gen/plexus/gateway/v1/session_service_pb';
import { Cell } from '@/kit/cell';
import { Signal } from '@/kit/signal';

import type { AccessKeeper } from './access';
import { LiveStream } from './stream';
import type { Tabs } from './tabs';

const SILENT_LEADER_MS = 60_000;

/** The frames of this browser's single stream, in every tab. */
export class Live {
  readonly frames = new Signal<Frame>();
  readonly online = new Cell(true);
  readonly signedOut = new Signal<undefined>();
  readonly #stream: LiveStream;
  #heard = Date.now();
  #wanted = false;

  constructor(
    service: Client<typeof SessionService>,
    access: AccessKeeper,
    private readonly tabs: Tabs,
  ) {
    this.#stream = new LiveStream(service, access, {
      frames: (frames) => this.#lead(frames),
      online: (online) => this.#connected(online),
      signedOut: () => this.signedOut.emit(undefined),
    });
    tabs.messages.on((message) => {
      if (message.kind === 'frames') this.#follow(message.bytes);
      if (message.kind === 'connection') this.online.set(message.online);
      this.#heard = Date.now();
    });
    tabs.leads.subscribe(() => this.#settle());
    setInterval(() => this.#watch(), SILENT_LEADER_MS / 6);
  }

  /** Deliver frames from now on; called after sign-in. */
  start(): void {
    this.#wanted = true;
    this.#heard = Date.now();
    this.#settle();
  }

  stop(): void {
    this.#wanted = false;
    this.#settle();
  }

  #settle(): void {
    if (this.#wanted && this.tabs.leads.get()) this.#stream.start();
    else this.#stream.stop();
  }

  #watch(): void {
    const silent = Date.now() - this.#heard > SILENT_LEADER_MS;
    if (this.#wanted && silent && !this.tabs.leads.get()) this.tabs.takeOver();
  }

  #lead(frames: readonly Frame[]): void {
    const response = create(SubscribeResponseSchema, { frames: [...frames] });
    this.tabs.post({ kind: 'frames', bytes: toBinary(SubscribeResponseSchema, response) });
    for (const frame of frames) this.frames.emit(frame);
  }

  #follow(bytes: Uint8Array): void {
    this.online.set(true);
    for (const frame of fromBinary(SubscribeResponseSchema, bytes).frames) this.frames.emit(frame);
  }

  #connected(online: boolean): void {
    if (this.online.get() === online) return;
    this.online.set(online);
    this.tabs.post({ kind: 'connection', online });
  }
}
