/**
 * What tests in a browser stand on: a real node on a free port with a folder of its own, the command line, and
 * Debian's Chromium. The environment says where they are (`cargo xtask test`).
 *
 * | variable | tells |
 * |---|---|
 * | `SOTTOVOCE_BIN` | the folder with `sottovoce-node` and `sottovoce` |
 * | `SOTTOVOCE_WEB` | what the node serves where a test does not say |
 * | `CHROMIUM` | the browser |
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { test as base } from '@playwright/test';

export const BIN = process.env['SOTTOVOCE_BIN'] ?? resolve('../../target/ci');
const WEB = process.env['SOTTOVOCE_WEB'] ?? resolve('dist');
/** How long a program may take to begin on a loaded machine. */
const START_MS = 30_000;

export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  await new Promise((done) => server.close(done));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** A node that can be killed and started again with what it had. */
export class TestNode {
  readonly url: string;
  readonly #port: number;
  #data: string;
  readonly #more: string[];
  #web: string;
  #process: ChildProcess | null = null;

  private constructor(port: number, data: string, web: string, more: string[]) {
    this.#more = more;
    this.#port = port;
    this.#data = data;
    this.#web = web;
    this.url = `http://127.0.0.1:${port}`;
  }

  static async start(web: string = WEB, more: string[] = []): Promise<TestNode> {
    const node = new TestNode(await freePort(), await mkdtemp(join(tmpdir(), 'sottovoce-node-')), web, more);
    await node.resume();
    return node;
  }

  /** Starts it on the same port and folder, perhaps with another app. */
  async resume(web: string = this.#web): Promise<void> {
    this.#web = web;
    const child = spawn(
      join(BIN, 'sottovoce-node'),
      ['--data', this.#data, '--listen', `127.0.0.1:${this.#port}`, '--web', this.#web, '--log', 'warn', ...this.#more],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    this.#process = child;
    const lines = createInterface({ input: child.stdout });
    const [line] = (await once(lines, 'line', { signal: AbortSignal.timeout(START_MS) })) as [string];
    if (!line.startsWith('listening on ')) throw new Error(`the node says: ${line}`);
    child.stdout.resume();
  }

  /** Ends it as a power cut does. */
  async kill(): Promise<void> {
    const child = this.#process;
    this.#process = null;
    if (!child || child.exitCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }

  /** Puts a node of its own, with nothing, at this one's address; the answer brings the first one back. */
  async replace(): Promise<() => Promise<void>> {
    const first = this.#data;
    await this.kill();
    this.#data = await mkdtemp(join(tmpdir(), 'sottovoce-node-'));
    await this.resume();
    return async () => {
      await this.remove();
      this.#data = first;
      await this.resume();
    };
  }

  async remove(): Promise<void> {
    await this.kill();
    await rm(this.#data, { recursive: true, force: true });
  }
}

/** A test with a node of its own. `web` is what it serves, `options` are further words of its command line. */
export const test = base.extend<{ web: string; options: string[]; node: TestNode }>({
  web: [WEB, { option: true }],
  options: [[], { option: true }],
  node: async ({ web, options }, use) => {
    const node = await TestNode.start(web, options);
    await use(node);
    await node.remove();
  },
});

export { expect } from '@playwright/test';
