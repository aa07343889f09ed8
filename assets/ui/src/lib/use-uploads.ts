// The uploads of this tab as React state.
import { useSyncExternalStore } from "react";
import { uploadStore } from "@/api/uploads";

export function useUploads() {
  return useSyncExternalStore(uploadStore.subscribe, uploadStore.current);
}
