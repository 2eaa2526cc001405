import { InvalidIdError } from '../errors.ts';

/** Who may do something on a topic: the hub, the board in `{id}`, an end of the link, or any board of the fleet. */
export type Role = 'hub' | 'self' | 'from' | 'to' | 'member';

/** Whether the board `id` plays `role` on a topic with these ids. An open id (`'+'`) is nobody's own. */
export function playsRole(role: Role, id: string, params: Readonly<Record<string, string>>, hub: string): boolean {
  switch (role) {
    case 'hub':
      return id === hub;
    case 'self':
      return params.id === id;
    case 'from':
      return params.from === id;
    case 'to':
      return params.to === id;
    case 'member':
      return true;
    default:
      role satisfies never;
      throw new InvalidIdError('role', role, 'it is not in the table of topics');
  }
}
