import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { cifar10 } from './cifar10.ts';
import { csvWindows } from './csv_windows.ts';
import { DataDirectoryError, UnknownDataError, UnknownDataFormatError } from './errors.ts';
import { type Listing, listDirectory } from './files.ts';
import type { DataFormat } from './format.ts';
import { idx } from './idx.ts';
import { imageFolder } from './image_folder.ts';

/** The formats a directory may have, in the order in which they are tried: the most specific names first. */
export const DATA_FORMATS: readonly DataFormat[] = [cifar10, idx, csvWindows, imageFolder];

/**
 * The format of a directory, and what lies in it. `generated` are the names that are no directories, for the message.
 * Throws UnknownDataError, DataDirectoryError (not a directory, empty) or UnknownDataFormatError.
 */
export async function recogniseFormat(
  path: string,
  generated: readonly string[],
): Promise<{ readonly listing: Listing; readonly format: DataFormat }> {
  const listing = await listData(path, generated);
  for (const format of DATA_FORMATS) if (await format.recognises(listing)) return { listing, format };
  throw new UnknownDataFormatError(path, describe(listing), knownLayouts(), await hint(listing));
}

async function listData(path: string, generated: readonly string[]): Promise<Listing> {
  const found = await stat(path).catch(() => null);
  if (found === null) throw new UnknownDataError(path, generated);
  if (!found.isDirectory()) throw new DataDirectoryError(path, 'is a file: give the directory that holds it');
  const listing = await listDirectory(path);
  if (listing.files.length + listing.directories.length === 0) {
    throw new DataDirectoryError(path, `is empty: put data there (${knownLayouts().join('; ')})`);
  }
  return listing;
}

function knownLayouts(): string[] {
  return DATA_FORMATS.map(({ layout }) => layout);
}

/** The first few names of a directory. */
function describe({ files, directories }: Listing): string {
  const names = [...directories.map((name) => `${name}/`), ...files];
  const shown = names.slice(0, 5).join(', ');
  return names.length > 5 ? `${shown} and ${names.length - 5} more` : shown;
}

/** What a user probably meant. */
async function hint({ path, files, directories }: Listing): Promise<string> {
  if (files.some((file) => /^data_batch_\d+$/.test(file))) {
    return 'This is the Python version of CIFAR-10: download the binary version.';
  }
  const archive = files.find((file) => /\.(?:tar|tar\.gz|tgz|zip)$/.test(file));
  if (archive !== undefined) return `Unpack ${archive} first.`;
  for (const directory of directories) {
    const inner = await listDirectory(join(path, directory)).catch(() => null);
    if (inner === null) continue;
    for (const format of DATA_FORMATS) {
      if (await format.recognises(inner)) return `Did you mean '${inner.path}' (${format.name})?`;
    }
  }
  return '';
}
