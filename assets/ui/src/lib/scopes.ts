// What an API token may do, in words.
import type { Scope } from "@/api/organization";

export const scopeWords: Record<Scope, { name: string; may: string }> = {
  read: { name: "Read", may: "List sources and read answers and results." },
  ask: { name: "Ask", may: "Ask questions and run queries." },
  write: { name: "Write", may: "Add, change and delete files." },
  admin: {
    name: "Administer",
    may: "Manage connections, members and settings, as far as you may.",
  },
};
