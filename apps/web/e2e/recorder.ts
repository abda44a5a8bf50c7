/**
 * A proxy that writes down where a browser goes, and lets it: pages, workers, service workers and sockets alike, which
 * a listener within the browser sees only in part. A context that uses it reaches nothing past it.
 */
import { type IncomingMessage, createServer, request } from 'node:http';
import { type Socket, connect } from 'node:net';
import { once } from 'node:events';

export class Recorder {
  /** `host:port` of everything that was asked for, each time. */
  readonly places: string[] = [];
  readonly #server = createServer();
  readonly #sockets = new Set<Socket>();
  #url = '';

  static async start(): Promise<Recorder> {
    const recorder = new Recorder();
    recorder.#server.listen(0, '127.0.0.1');
    await once(recorder.#server, 'listening');
    const address = recorder.#server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    recorder.#url = `http://127.0.0.1:${address.port}`;
    return recorder;
  }

  private constructor() {
    this.#server.on('connection', (socket: Socket) => this.#keep(socket));
    this.#server.on('request', (asked, answer) => {
      const url = new URL(asked.url ?? '', 'http://unnamed');
      this.places.push(url.host);
      const { 'proxy-connection': _, ...headers } = asked.headers;
      const onward = request(url, { method: asked.method, headers }, (found) => {
        answer.writeHead(found.statusCode ?? 502, found.rawHeaders);
        found.pipe(answer);
      });
      onward.on('error', () => answer.destroy());
      asked.pipe(onward);
    });
    this.#server.on('connect', (asked: IncomingMessage, socket: Socket, head: Buffer) => {
      const place = asked.url ?? '';
      this.places.push(place);
      const url = new URL(`http://${place}`);
      const onward = this.#keep(connect(Number(url.port), url.hostname, () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        onward.write(head);
        onward.pipe(socket).pipe(onward);
      }));
      const end = (): void => { socket.destroy(); onward.destroy(); };
      onward.on('error', end);
      socket.on('error', end);
    });
  }

  #keep(socket: Socket): Socket {
    this.#sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#sockets.delete(socket));
    return socket;
  }

  /** For a browser context: everything goes through here, this machine included. */
  get proxy(): { server: string; bypass: string } {
    return { server: this.#url, bypass: '<-loopback>' };
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
