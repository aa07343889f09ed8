//! HTTP and WebSocket, and the embedded web UI.
