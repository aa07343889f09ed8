// What the screens say about each kind of database: its name, and how to make a role that may only read.
import type { Kind } from "@/api/types";

export interface KindInfo {
  label: string;
  /** What it calls its tables and columns, where other than that. */
  words?: KindWords;
  reader: ReaderHint;
}

export interface KindWords {
  table: string;
  column: string;
}

export interface ReaderHint {
  /** Where the commands are typed. */
  where: string;
  text: string;
}

/** The user and database names are those of the agent's command, so that the two fit when pasted. */
const infos: Record<string, KindInfo | undefined> = {
  POSTGRESQL: {
    label: "PostgreSQL",
    reader: {
      where: "In psql, as the owner of the tables",
      text: `CREATE ROLE readonly_user LOGIN PASSWORD 'choose-a-password';
GRANT CONNECT ON DATABASE your_database TO readonly_user;
GRANT USAGE ON SCHEMA public TO readonly_user;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO readonly_user;
ALTER DEFAULT PRIVILEGES IN SCHEMA public
  GRANT SELECT ON TABLES TO readonly_user;`,
    },
  },
  MONGODB: {
    label: "MongoDB",
    words: { table: "collection", column: "field" },
    reader: {
      where: "In mongosh, as a user administrator",
      text: `use your_database
db.createUser({
  user: "readonly_user",
  pwd: passwordPrompt(),
  roles: [{ role: "read", db: "your_database" }]
})`,
    },
  },
  MYSQL: {
    label: "MySQL or MariaDB",
    reader: {
      where: "In the mysql or mariadb client, as an administrator",
      text: `CREATE USER 'readonly_user'@'%' IDENTIFIED BY 'choose-a-password';
GRANT SELECT, SHOW VIEW ON your_database.* TO 'readonly_user'@'%';`,
    },
  },
  SQLITE: {
    label: "SQLite",
    reader: {
      where: "On the machine that holds the file",
      text: `# the agent's own user may read the file, and nothing more
sudo useradd --system custard-agent
sudo setfacl -m u:custard-agent:r /path/to/your.db`,
    },
  },
};

/** The kinds that the server of this build can connect. */
export const connectionKinds = CONNECTION_KINDS as readonly Kind[];

export function kindInfo(kind: string): KindInfo | null {
  return infos[kind] ?? null;
}

/** The kind's name as people write it; a kind that is not known here keeps the server's own. */
export function kindLabel(kind: string): string {
  return infos[kind]?.label ?? kind.charAt(0) + kind.slice(1).toLowerCase();
}

export function kindWords(kind: string): KindWords {
  return infos[kind]?.words ?? { table: "table", column: "column" };
}
