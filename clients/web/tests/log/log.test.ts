import { describe, expect, it } from 'vitest';

import { ConversationLog } from '@/stores/log/log';

import { ME, Model, randomOf } from './model';

function started(posts: number): { model: Model; log: ConversationLog } {
  const model = new Model(() => 0);
  for (let count = 0; count < posts; count += 1) model.step();
  return { model, log: new ConversationLog(model.view(), ME) };
}

describe('a log', () => {
  it('applies events that follow what it holds', () => {
    const { model, log } = started(3);
    model.step();
    expect(log.applyEvents(model.events(3, 4))).toEqual({ changes: false, view: false });
    expect(log.through).toBe(4);
    expect(log.last?.seq).toBe(4);
  });

  it('asks for changes when some are missing, and does not pretend to have them', () => {
    const { model, log } = started(3);
    model.step();
    model.step();
    expect(log.applyEvents(model.events(4, 5)).changes).toBe(true);
    expect(log.through).toBe(3);
    expect(log.lastSeq).toBe(3);
  });

  it('ignores events that it has', () => {
    const { model, log } = started(3);
    const version = log.version.get();
    expect(log.applyEvents(model.events(0, 3)).changes).toBe(false);
    expect(log.version.get()).toBe(version);
  });

  it('asks for changes when a fact was left out or is of a later version', () => {
    const { model, log } = started(1);
    model.step();
    const events = model.events(1, 2);
    events.events[0]!.omitted = true;
    expect(log.applyEvents(events).changes).toBe(true);
    expect(log.through).toBe(1);
  });

  it('never moves its cursor back', () => {
    const { log } = started(3);
    log.applyCursor(3);
    log.applyCursor(1);
    expect(log.cursor).toBe(3);
  });

  it('keeps the counts of the view until it holds what they count', () => {
    const random = randomOf(7);
    const model = new Model(random);
    for (let step = 0; step < 60; step += 1) model.step();
    const view = model.view();
    const log = new ConversationLog(view, ME);
    expect(log.counts).toMatchObject({ unread: view.unread, mentions: view.mentionUnread });
    log.applyPage(model.before(0, 200), { before: 0 });
    expect(log.counts).toEqual({ unread: view.unread, mentions: view.mentionUnread, exact: true });
  });
});
