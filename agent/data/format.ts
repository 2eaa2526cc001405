import type { RawSplit, Split } from './data_set.ts';
import type { Listing } from './files.ts';

/** What a format needs to know to read a split. */
export interface ReadOptions {
  /** Height and width of the images of an image folder. */
  readonly imageSize: number;
  readonly signal?: AbortSignal | undefined;
}

/** One way to lay out data in a directory. */
export interface DataFormat {
  readonly name: string;
  /** What a directory of this format holds, in a few words: shown when a directory is not recognised. */
  readonly layout: string;
  /** What it takes to have a test split: shown when there is none. */
  readonly testSplit: string;
  /** Whether a directory is meant to be of this format, judged by names alone. */
  recognises(listing: Listing): boolean | Promise<boolean>;
  /** Reads a split, or null where the data does not have it. Throws DataError where it is not sound. */
  read(listing: Listing, split: Split, options: ReadOptions): Promise<RawSplit | null>;
}
