// Catches a screen that fails to draw, and offers to load it anew instead of a blank page.
import { Component, type ReactNode } from "react";
import { Button } from "./ui/button";
import { Notice } from "./ui/notice";

interface State {
  error: Error | null;
}

export class ErrorBoundary extends Component<{ children: ReactNode }, State> {
  override state: State = { error: null };

  static getDerivedStateFromError(error: Error): State {
    return { error };
  }

  override render() {
    const { error } = this.state;
    if (!error) return this.props.children;
    return (
      <div className="mx-auto max-w-lg p-6 pt-20">
        <Notice
          kind="error"
          title="This screen stopped working"
          action={
            <Button size="small" onClick={() => window.location.reload()}>
              Load again
            </Button>
          }
        >
          Nothing was lost on the server. If it happens again after loading the page anew, the
          server may have been updated while this page was open. ({error.message})
        </Notice>
      </div>
    );
  }
}
