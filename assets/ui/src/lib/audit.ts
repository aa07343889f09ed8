// The names of what the audit log records, in words; what is not listed here is shown as it is written there.
import { plainText } from "./format";

interface Group {
  /** What all its actions begin with. */
  noun: string;
  about: string;
  actions: Record<string, string>;
}

export const auditGroups: readonly Group[] = [
  {
    noun: "auth",
    about: "Log-in and accounts",
    actions: {
      "auth.login": "Logged in",
      "auth.login_failed": "Failed to log in",
      "auth.logout": "Logged out",
      "auth.logout_everywhere": "Logged out everywhere",
      "auth.session_ended": "Ended a session",
      "auth.set_up": "Set this server up",
      "auth.email_verified": "Confirmed the address",
      "auth.email_change_asked": "Asked to change the address",
      "auth.email_changed": "Changed the address",
      "auth.password_changed": "Changed the password",
      "auth.password_forgotten": "Forgot the password",
      "auth.password_reset": "Set a new password by link",
      "auth.totp_enabled": "Switched the second factor on",
      "auth.totp_disabled": "Switched the second factor off",
      "auth.recovery_codes_replaced": "Made new recovery codes",
      "auth.oidc_linked": "Joined the account with a provider",
      "auth.refresh_reused": "An old session token was used again",
    },
  },
  {
    noun: "user",
    about: "Members",
    actions: {
      "user.signed_up": "Signed up",
      "user.joined": "Joined",
      "user.added": "Was added on the machine",
      "user.role_changed": "Changed a role",
      "user.removed": "Removed a member",
      "user.left": "Deleted their account",
    },
  },
  {
    noun: "invitation",
    about: "Invitations",
    actions: {
      "invitation.created": "Invited somebody",
      "invitation.sent_again": "Sent an invitation again",
      "invitation.deleted": "Withdrew an invitation",
    },
  },
  {
    noun: "token",
    about: "API tokens",
    actions: { "token.created": "Made an API token", "token.deleted": "Revoked an API token" },
  },
  {
    noun: "source",
    about: "Access to sources",
    actions: { "source.access_changed": "Changed who may see a source" },
  },
  {
    noun: "file",
    about: "Files",
    actions: {
      "file.created": "Added a file",
      "file.changed": "Changed a file",
      "file.deleted": "Deleted a file",
    },
  },
  {
    noun: "connection",
    about: "Connections",
    actions: {
      "connection.created": "Made a connection",
      "connection.renamed": "Renamed a connection",
      "connection.key_rotated": "Made a new agent key",
      "connection.key_revoked": "Revoked an agent key",
      "connection.deleted": "Deleted a connection",
    },
  },
  {
    noun: "query",
    about: "Questions and queries",
    actions: {
      "query.run": "Asked a question",
      "query.kept": "Kept an answer",
    },
  },
  {
    noun: "conversation",
    about: "Conversations",
    actions: { "conversation.deleted": "Deleted a conversation" },
  },
  {
    noun: "result",
    about: "Results",
    actions: { "result.exported": "Exported a result" },
  },
  {
    noun: "organization",
    about: "The organisation",
    actions: {
      "organization.renamed": "Renamed the organisation",
      "organization.deleted": "Deleted the organisation",
    },
  },
  {
    noun: "settings",
    about: "Settings",
    actions: { "settings.changed": "Changed the settings" },
  },
  {
    noun: "audit",
    about: "The audit log itself",
    actions: {
      "audit.exported": "Exported the audit log",
      "audit.expired": "Old entries were deleted",
    },
  },
];

const words = new Map(auditGroups.flatMap(({ actions }) => Object.entries(actions)));

export function actionWords(action: string): string {
  const known = words.get(action);
  if (known) return known;
  const text = action.replace(/[._]+/g, " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** One thing that was written down, as text; what is empty is left out. */
export function detailText(value: unknown): string | null {
  if (value === null || value === undefined || value === "") return null;
  if (Array.isArray(value)) return value.map((item) => nameOf(item)).join(", ") || null;
  return plainText(value);
}

function nameOf(item: unknown): string {
  if (typeof item !== "object" || item === null || !("name" in item)) return plainText(item);
  const { name } = item;
  const tables = "tables" in item && Array.isArray(item.tables) ? item.tables.join(", ") : "";
  return tables ? `${plainText(name)} (${tables})` : plainText(name);
}

/** The days that were chosen, as moments: from the start of the first to the end of the last. */
export function dayRange(from: string, to: string): { from?: string; to?: string } {
  const start = new Date(`${from}T00:00:00`);
  const end = new Date(`${to}T00:00:00`);
  if (to) end.setDate(end.getDate() + 1);
  return {
    ...(Number.isNaN(start.getTime()) ? {} : { from: start.toISOString() }),
    ...(Number.isNaN(end.getTime()) ? {} : { to: end.toISOString() }),
  };
}
