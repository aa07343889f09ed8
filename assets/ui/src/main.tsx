// Starts the page.
import { QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { BrowserRouter } from "react-router";
import { queryClient } from "./api/queries";
import { session } from "./api/session";
import { App } from "./app";
import { threads } from "./api/threads";
import { Toasts } from "./components/ui/toast";
import "./index.css";

const root = document.getElementById("root");
if (!root) throw new Error("index.html has no #root");

// What one person has read must not be there for the next.
session.subscribe(() => {
  if (session.current().status === "signed-out") {
    queryClient.clear();
    threads.clear();
  }
});
void session.start();

createRoot(root).render(
  <StrictMode>
    <QueryClientProvider client={queryClient}>
      <BrowserRouter>
        <App />
        <Toasts />
      </BrowserRouter>
    </QueryClientProvider>
  </StrictMode>,
);
