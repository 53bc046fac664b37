import { describe, expect, it } from 'vitest';

import { ConversationLog } from '@/stores/log/log';

import { ME, Model, randomOf, type Random } from './model';

const RUNS = 400;
const STEPS = 80;
const PAGE = 7;

/**
 * Previous state plus events equals the state of a fresh fetch, whatever the stream does: order,
 * gaps, repeats and Resync (MSG-6).
 */
describe('law: snapshot and changes equal a fresh fetch', () => {
  it(`holds in ${RUNS} random histories`, () => {
    for (let seed = 1; seed <= RUNS; seed += 1) {
      const random = randomOf(seed);
      const model = new Model(random);
      for (let step = 0; step < 20; step += 1) model.step();
      const log = new ConversationLog(model.view(), ME);
      live(log, model, random);
      heal(log, model);
      expect(stateOf(log), `seed ${seed}`).toEqual(stateOf(fresh(model)));
    }
  });
});

/** Change the model while the log receives events unreliably, with pages in between. */
function live(log: ConversationLog, model: Model, random: Random): void {
  const undelivered: [number, number][] = [];
  for (let step = 0; step < STEPS; step += 1) {
    const after = model.changeNo;
    for (let count = Math.floor(random() * 3) + 1; count > 0; count -= 1) model.step();
    if (model.changeNo > after) undelivered.push([after, model.changeNo]);
    const roll = random();
    if (roll < 0.15) undelivered.splice(Math.floor(random() * undelivered.length), 1);
    else if (roll < 0.7) deliver(log, model, undelivered, random);
    else if (roll < 0.78) log.applyPage(model.before(0, PAGE), { before: 0 });
    else if (roll < 0.86) older(log, model);
    else if (roll < 0.9) {
      const seq = Math.floor(random() * model.messages.length);
      log.applyPage(model.after(seq, PAGE), { after: seq });
    } else if (roll < 0.95) log.applyChanges(model.changes(log.through, PAGE));
    else {
      const through = Math.floor(random() * log.lastSeq);
      model.read(through);
      log.applyCursor(through);
    }
  }
}

/** Deliver one of the pending batches, in any order, and sometimes twice. */
function deliver(
  log: ConversationLog,
  model: Model,
  waiting: [number, number][],
  random: Random,
): void {
  const at = Math.floor(random() * waiting.length);
  const batch = waiting[at];
  if (batch === undefined) return;
  log.applyEvents(model.events(...batch));
  if (random() < 0.6) waiting.splice(at, 1);
}

function older(log: ConversationLog, model: Model): void {
  const part = log.stretches.around(log.lastSeq);
  if (part !== undefined && part.from > 1)
    log.applyPage(model.before(part.from, PAGE), { before: part.from });
}

/** Recover as the client does after a gap or Resync: fetch changes, then the view. */
function heal(log: ConversationLog, model: Model): void {
  while (log.applyChanges(model.changes(log.through, PAGE)).changes);
  log.applyView(model.view());
  log.applyPage(model.before(0, PAGE), { before: 0 });
  for (let part = log.stretches.around(log.lastSeq); part !== undefined && part.from > 1;) {
    log.applyPage(model.before(part.from, PAGE), { before: part.from });
    part = log.stretches.around(log.lastSeq);
  }
}

function fresh(model: Model): ConversationLog {
  const log = new ConversationLog(model.view(), ME);
  log.applyPage(model.before(0, model.messages.length), { before: 0 });
  return log;
}

function stateOf(log: ConversationLog): unknown {
  return {
    through: log.through,
    lastSeq: log.lastSeq,
    cursor: log.cursor,
    stretches: log.stretches.parts,
    counts: log.counts,
    messages: log.between(1, log.lastSeq).map(({ seq, whole, parts }) => ({
      seq,
      text: whole?.text,
      version: whole?.version,
      recalled: whole?.recalled,
      reactions: parts.reactions.map(({ emoji, personIds }) => [emoji, personIds]),
    })),
  };
}
