// What a role may do, so that no screen offers what the server would refuse. The server decides; this only spares the asking.
import type { Role } from "@/api/types";
import { useUser } from "./use-session";

/** Least first. */
export const roles: readonly Role[] = ["viewer", "analyst", "admin", "owner"];

interface RoleWords {
  name: string;
  /** What it may do beyond the one before. */
  more: string;
  /** All it may do, said to its bearer. */
  all: string;
}

export const roleWords: Record<Role, RoleWords> = {
  viewer: {
    name: "Viewer",
    more: "Asks questions of the sources that are open to them.",
    all: "You can ask questions of the sources that are open to you.",
  },
  analyst: {
    name: "Analyst",
    more: "Also adds, changes and deletes files.",
    all: "You can ask questions, and add files of your own.",
  },
  admin: {
    name: "Admin",
    more: "Also manages connections, members and invitations, and reads the audit log.",
    all: "You can ask questions, and manage files, connections and members.",
  },
  owner: {
    name: "Owner",
    more: "Also changes the organisation and its settings.",
    all: "You can do everything, the organisation’s settings included.",
  },
};

export function atLeast(role: Role, least: Role): boolean {
  return roles.indexOf(role) >= roles.indexOf(least);
}

/** Whether the signed-in person has at least this role. */
export function useAtLeast(least: Role): boolean {
  return atLeast(useUser().role, least);
}
