/** Answers the service worker, which serves players and downloads, from this tab's engine. */
import type { FileReply, FileRequest } from '../platform/file-service';
import { type Engine, EngineError } from '../platform/engine';

/** Until the returned function is called. */
export function openFileDoor(engine: Engine): () => void {
  const workers = navigator.serviceWorker as ServiceWorkerContainer | undefined;
  if (!workers) return () => undefined;
  const onMessage = (event: MessageEvent<FileRequest | { type?: undefined }>) => {
    const [port] = event.ports;
    if (event.data?.type === 'file' && port) void answer(engine, event.data, port);
  };
  workers.addEventListener('message', onMessage);
  return () => workers.removeEventListener('message', onMessage);
}

async function answer(engine: Engine, { entry, index, offset, length }: FileRequest, port: MessagePort): Promise<void> {
  let reply: FileReply;
  try {
    const { name, mediaType, bytes } = await engine.fileInfo({ entry, index });
    const data = length === 0 ? new Uint8Array() : await engine.readFile({ entry, index, offset, length });
    reply = { file: { name, mediaType, bytes }, data: data as Uint8Array<ArrayBuffer> };
  } catch (error) {
    reply = { error: error instanceof EngineError ? error.code : 'internal' };
  }
  port.postMessage(reply, 'data' in reply ? [reply.data.buffer] : []);
  port.close();
}
