// The session as React state.
import { useSyncExternalStore } from "react";
import { session, type SessionState } from "@/api/session";
import type { User } from "@/api/types";

export function useSession(): SessionState {
  return useSyncExternalStore(session.subscribe, session.current);
}

/** For screens that are only shown to somebody signed in. */
export function useUser(): User {
  const state = useSession();
  if (state.status !== "signed-in") throw new Error("this screen needs a signed-in user");
  return state.user;
}
