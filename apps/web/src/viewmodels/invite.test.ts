// @vitest-environment jsdom
import { describe, expect, it } from 'vitest';
import { EngineError, type Engine, type Invite } from '../platform/engine';
import { InviteMaker, isOpen } from './invite.svelte';

const invite = (id: string, part: Partial<Invite> = {}): Invite => ({
  id, link: `https://node.example/i#${id}`, conversation: null, needsApproval: false, isUsed: false, expiresMs: 1_000, atMs: 0, ...part,
});

/** An engine that makes links and remembers which were closed. */
function fakeEngine() {
  const asked: unknown[] = [];
  const revoked: string[] = [];
  const waiting: (() => void)[] = [];
  let failure: Error | null = null;
  const engine = {
    invite: (input: unknown) => {
      asked.push(input);
      const made = invite(`i${asked.length}`);
      return failure ? Promise.reject(failure) : new Promise<Invite>((resolve) => waiting.push(() => resolve(made)));
    },
    revokeInvite: ({ id }: { id: string }) => { revoked.push(id); return Promise.resolve(); },
  } as unknown as Engine;
  return { engine, asked, revoked, waiting, fail: (error: Error) => { failure = error; } };
}

async function made(maker: InviteMaker, fake: ReturnType<typeof fakeEngine>): Promise<void> {
  const making = maker.make();
  fake.waiting.shift()?.();
  await making;
}

describe('the link on screen', () => {
  it('is made for one person by the choices of the dialog', async () => {
    const fake = fakeEngine();
    const maker = new InviteMaker(fake.engine, undefined);
    await made(maker, fake);
    expect(fake.asked).toEqual([{ validSeconds: 604_800 }]);
    expect(maker.current?.id).toBe('i1');
    expect(maker.isBusy).toBe(false);
  });

  it('asks for approval only into a group', async () => {
    const fake = fakeEngine();
    const maker = new InviteMaker(fake.engine, 'g');
    maker.needsApproval = true;
    await made(maker, fake);
    expect(fake.asked).toEqual([{ conversation: 'g', needsApproval: true, validSeconds: 604_800 }]);
  });

  it('is closed when another is made, unless somebody may hold it', async () => {
    const fake = fakeEngine();
    const maker = new InviteMaker(fake.engine, undefined);
    await made(maker, fake);
    await made(maker, fake);
    expect(fake.revoked).toEqual(['i1']);
    maker.give();
    await made(maker, fake);
    expect(fake.revoked).toEqual(['i1']);
  });

  it('is that of the last choice, however late an earlier one comes', async () => {
    const fake = fakeEngine();
    const maker = new InviteMaker(fake.engine, undefined);
    const [first, second] = [maker.make(), maker.make()];
    fake.waiting[1]!();
    await second;
    fake.waiting[0]!();
    await first;
    expect(maker.current?.id).toBe('i2');
    expect(fake.revoked).toEqual(['i1']);
  });

  it('says why there is none', async () => {
    const fake = fakeEngine();
    fake.fail(new EngineError('offline'));
    const maker = new InviteMaker(fake.engine, undefined);
    await maker.make();
    expect(maker.error).toMatchObject({ code: 'offline' });
    expect(maker.current).toBeNull();
  });

  it('leads nowhere once it is used, closed or over', () => {
    expect(isOpen(invite('a'), 999)).toBe(true);
    expect(isOpen(invite('a'), 1_000)).toBe(false);
    expect(isOpen(invite('a', { isUsed: true }), 0)).toBe(false);
    expect(isOpen(invite('a', { link: null }), 0)).toBe(false);
    expect(isOpen(invite('a', { expiresMs: null }), 9e12)).toBe(true);
  });
});
