//! HTTP and WebSocket, and the embedded web UI.

pub mod agent_socket;
