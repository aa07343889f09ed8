// Which screen is shown: by address, and by whether somebody is signed in.
import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense, type ReactNode } from "react";
import { Navigate, Route, Routes, useLocation } from "react-router";
import { setupQuery } from "./api/queries";
import { session } from "./api/session";
import { ErrorBoundary } from "./components/error-boundary";
import { Shell } from "./components/shell";
import { Swirl } from "./components/logo";
import { LoadError } from "./components/ui/notice";
import { useSession } from "./lib/use-session";
import { Dashboard } from "./pages/dashboard";
import { LogIn } from "./pages/log-in";
import { NotFound } from "./pages/not-found";
import { SetUp } from "./pages/set-up";

const Ask = lazy(() => import("./pages/ask"));
const Files = lazy(() => import("./pages/files"));
const FileDetail = lazy(() => import("./pages/file-detail"));
const Connections = lazy(() => import("./pages/connections"));
const ConnectionDetail = lazy(() => import("./pages/connection-detail"));
const Knowledge = lazy(() => import("./pages/knowledge"));
const Evaluations = lazy(() => import("./pages/evaluations"));
const EvaluationDetail = lazy(() => import("./pages/evaluation-detail"));
const Settings = lazy(() => import("./pages/settings/layout"));
const SignUp = lazy(() => import("./pages/sign-up"));
const ForgotPassword = lazy(() => import("./pages/forgot-password"));

/** The parts of the settings; each looks after who may see it. */
const settings = [
  ["", lazy(() => import("./pages/settings/profile"))],
  ["security", lazy(() => import("./pages/settings/security"))],
  ["tokens", lazy(() => import("./pages/settings/tokens"))],
  ["organization", lazy(() => import("./pages/settings/organization"))],
  ["members", lazy(() => import("./pages/settings/members"))],
  ["audit", lazy(() => import("./pages/settings/audit"))],
  ["usage", lazy(() => import("./pages/settings/usage"))],
  ["translator", lazy(() => import("./pages/settings/translator"))],
  ["system", lazy(() => import("./pages/settings/system"))],
] as const;

/** Where links in mails lead, whether somebody is signed in or not. */
const links = [
  ["verify", lazy(() => import("./pages/links/verify"))],
  ["reset-password", lazy(() => import("./pages/links/reset-password"))],
  ["confirm-email", lazy(() => import("./pages/links/confirm-email"))],
  ["invitation", lazy(() => import("./pages/links/invitation"))],
] as const;

const linkRoutes = links.map(([path, Screen]) => (
  <Route
    key={path}
    path={path}
    element={
      <Suspense fallback={<Splash />}>
        <Screen />
      </Suspense>
    }
  />
));

export function App() {
  const state = useSession();
  switch (state.status) {
    case "loading":
      return <Splash />;
    case "unreachable":
      return (
        <Centered>
          <LoadError error={state.error} retry={() => void session.start()} />
        </Centered>
      );
    case "signed-out":
      return <Entrance />;
    case "signed-in":
      return (
        <ErrorBoundary>
          <Routes>
            {linkRoutes}
            <Route element={<Shell />}>
              <Route index element={<Dashboard />} />
              <Route path="ask/:conversationId?" element={<Ask />} />
              <Route path="files" element={<Files />} />
              <Route path="files/:id" element={<FileDetail />} />
              <Route path="connections" element={<Connections />} />
              <Route path="connections/:id" element={<ConnectionDetail />} />
              <Route path="knowledge" element={<Knowledge />} />
              <Route path="evaluations" element={<Evaluations />} />
              <Route path="evaluations/:id" element={<EvaluationDetail />} />
              <Route path="settings" element={<Settings />}>
                {settings.map(([path, Screen]) =>
                  path ? (
                    <Route key={path} path={path} element={<Screen />} />
                  ) : (
                    <Route key="index" index element={<Screen />} />
                  ),
                )}
              </Route>
              <Route path="login" element={<AfterLogIn />} />
              {["setup", "signup", "forgot-password"].map((path) => (
                <Route key={path} path={path} element={<Navigate to="/" replace />} />
              ))}
              <Route path="*" element={<NotFound />} />
            </Route>
          </Routes>
        </ErrorBoundary>
      );
  }
}

/** Signed out: the set-up page while nobody has an account, else the log-in page. */
function Entrance() {
  const setup = useQuery(setupQuery);
  const location = useLocation();
  if (setup.isPending) return <Splash />;
  if (setup.isError)
    return (
      <Centered>
        <LoadError error={setup.error} retry={() => void setup.refetch()} />
      </Centered>
    );
  if (setup.data.needed)
    return (
      <Routes>
        <Route path="setup" element={<SetUp codeRequired={setup.data.code_required} />} />
        <Route path="*" element={<Navigate to="/setup" replace />} />
      </Routes>
    );
  const from = location.pathname === "/setup" ? "/" : location.pathname + location.search;
  return (
    <Suspense fallback={<Splash />}>
      <Routes>
        {linkRoutes}
        <Route path="login" element={<LogIn />} />
        <Route path="signup" element={<SignUp />} />
        <Route path="forgot-password" element={<ForgotPassword />} />
        <Route
          path="*"
          element={<Navigate to="/login" replace state={from === "/" ? undefined : { from }} />}
        />
      </Routes>
    </Suspense>
  );
}

function AfterLogIn() {
  const state = useLocation().state as { from?: string } | null;
  return <Navigate to={state?.from ?? "/"} replace />;
}

function Splash() {
  return (
    <div role="status" aria-label="Loading" className="grid min-h-dvh place-items-center">
      <Swirl className="size-14 animate-pulse" />
    </div>
  );
}

function Centered({ children }: { children: ReactNode }) {
  return <div className="mx-auto grid min-h-dvh max-w-lg place-items-center p-4">{children}</div>;
}
