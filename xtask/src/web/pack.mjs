// Writes packed copies beside the files of a built web app: `.br` and `.gz`, where they are smaller.
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';

const PACKED = /\.(css|ftl|html|js|json|map|mjs|svg|txt|wasm|webmanifest)$/;
const folder = process.argv.at(-1);

async function pack(file) {
  const bytes = await readFile(file);
  const params = {
    [constants.BROTLI_PARAM_QUALITY]: 11,
    [constants.BROTLI_PARAM_LGWIN]: 22,
    [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
  };
  const [brotli, zipped] = await Promise.all([
    promisify(brotliCompress)(bytes, { params }),
    promisify(gzip)(bytes, { level: 9 }),
  ]);
  if (brotli.length < bytes.length) await writeFile(`${file}.br`, brotli);
  if (zipped.length < bytes.length) await writeFile(`${file}.gz`, zipped);
  return [bytes.length, Math.min(brotli.length, bytes.length)];
}

const entries = await readdir(folder, { recursive: true, withFileTypes: true });
const files = entries.filter((entry) => entry.isFile() && PACKED.test(entry.name));
const sizes = await Promise.all(files.map((entry) => pack(join(entry.parentPath ?? entry.path, entry.name))));
const sum = (at) => Math.round(sizes.reduce((total, size) => total + size[at], 0) / 1000);
console.log(`packed ${files.length} files: ${sum(0)} KB to ${sum(1)} KB`);
