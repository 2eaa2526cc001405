import { isId } from '../broker/index.ts';
import type { Option } from './options/index.ts';

const mostBoards = 200;

/** `board1`, `board2`, … */
export function numberedBoards(count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `board${index + 1}`);
}

/** A number of boards, or their ids with commas between them. */
export function boardIds(about: string): Option<readonly string[] | undefined> {
  return {
    about,
    placeholder: 'N|IDS',
    rule: `a number from 1 to ${mostBoards} or different board ids (lower-case letters, digits, dashes) with commas`,
    read(text) {
      if (/^\d+$/.test(text)) {
        const count = Number(text);
        return count >= 1 && count <= mostBoards ? numberedBoards(count) : undefined;
      }
      const ids = text.split(',');
      return ids.every((id) => isId('board', id)) && new Set(ids).size === ids.length ? ids : undefined;
    },
  };
}

export interface HubAddress {
  readonly address: string;
  readonly port: number;
}

export function hubAddress(about: string): Option<HubAddress | undefined> {
  return {
    about,
    placeholder: 'ADDRESS:PORT',
    rule: 'an address and a port such as 192.168.1.10:1883',
    read(text) {
      const found = /^(.+):(\d{1,5})$/.exec(text);
      const port = Number(found?.[2]);
      return found !== null && port >= 1 && port <= 65_535 ? { address: found[1]!, port } : undefined;
    },
  };
}
