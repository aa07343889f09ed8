//! The way through an HTTP proxy: whether a server is reached through one, and CONNECT. The connection inside
//! is encrypted end to end; the proxy sees the server's name and nothing else.

use std::net::IpAddr;

use secrecy::ExposeSecret;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use url::Host;

use crate::config::{Proxy, ProxyConfig};

/// A proxy's answer to CONNECT at most, in bytes.
const MAX_ANSWER: usize = 8 * 1024;

/// The proxy for a server; None when it is reached directly. Nothing on this machine goes through a proxy.
pub fn of<'a>(config: &'a ProxyConfig, scheme: &str, host: &Host<&str>, port: u16) -> Option<&'a Proxy> {
    let proxy = match scheme {
        "wss" => config.secure.as_ref(),
        _ => config.plain.as_ref(),
    };
    let name = match host {
        Host::Domain(name) => (*name).to_owned(),
        Host::Ipv4(address) => address.to_string(),
        Host::Ipv6(address) => address.to_string(),
    };
    let excepted = config.except.iter().any(|entry| covers(entry, &name, port));
    proxy.filter(|_| !super::dial::is_loopback(host) && !excepted)
}

/// Whether an entry of `NO_PROXY` covers a host: `*`, a name (with everything below it, with or without a dot
/// in front), an address, or a network such as `10.0.0.0/8`; a port may follow a name.
fn covers(entry: &str, host: &str, port: u16) -> bool {
    let entry = entry.trim();
    if entry.is_empty() {
        return false;
    }
    if entry == "*" {
        return true;
    }
    if let Ok(address) = host.parse::<IpAddr>() {
        let bare = entry.trim_matches(['[', ']']);
        return match bare.split_once('/') {
            Some((network, bits)) => network
                .parse()
                .is_ok_and(|network| bits.parse().is_ok_and(|bits| is_within(address, network, bits))),
            None => bare.parse().is_ok_and(|entry: IpAddr| entry == address),
        };
    }
    let (name, only_port) = match entry.rsplit_once(':') {
        Some((name, digits)) => match digits.parse::<u16>() {
            Ok(only) => (name, Some(only)),
            Err(_) => return false,
        },
        None => (entry, None),
    };
    let name = name
        .trim_start_matches("*.")
        .trim_start_matches('.')
        .to_lowercase();
    let host = host.trim_end_matches('.').to_lowercase();
    only_port.is_none_or(|only| only == port)
        && (host == name || host.strip_suffix(&name).is_some_and(|rest| rest.ends_with('.')))
}

/// Whether the first `bits` of two addresses of one family agree.
fn is_within(address: IpAddr, network: IpAddr, bits: u32) -> bool {
    match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) if bits <= 32 => {
            let differs = u32::from(address) ^ u32::from(network);
            differs.leading_zeros() >= bits
        }
        (IpAddr::V6(address), IpAddr::V6(network)) if bits <= 128 => {
            let differs = u128::from(address) ^ u128::from(network);
            differs.leading_zeros() >= bits
        }
        _ => false,
    }
}

/// Opens a connection to `host` through the proxy. Errors: a part of a sentence that names the proxy, never its
/// password.
pub async fn connect(proxy: &Proxy, host: &str, port: u16) -> Result<TcpStream, String> {
    let at = format!("{}:{}", proxy.host, proxy.port);
    let broken = |error: std::io::Error| format!("the proxy {at} cannot be used: {error}");
    let bare = proxy.host.trim_matches(['[', ']']);
    let mut stream = TcpStream::connect((bare, proxy.port))
        .await
        .map_err(|error| format!("the proxy {at} cannot be reached: {error}"))?;
    let target = if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    };
    let mut request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n");
    if let Some(authorization) = &proxy.authorization {
        request.push_str("Proxy-Authorization: ");
        request.push_str(authorization.expose_secret());
        request.push_str("\r\n");
    }
    request.push_str("\r\n");
    stream.write_all(request.as_bytes()).await.map_err(broken)?;
    // Byte by byte: what follows the answer belongs to the connection inside.
    let mut answer = Vec::with_capacity(256);
    while !answer.ends_with(b"\r\n\r\n") {
        if answer.len() >= MAX_ANSWER {
            return Err(format!("the proxy {at} gives an answer that is no end of"));
        }
        match stream.read_u8().await {
            Ok(byte) => answer.push(byte),
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                return Err(format!("the proxy {at} closed the connection before it answered"));
            }
            Err(error) => return Err(broken(error)),
        }
    }
    judge(&answer, &at, &target).map(|()| stream)
}

/// Whether the proxy opened the way.
fn judge(answer: &[u8], at: &str, target: &str) -> Result<(), String> {
    let first = answer.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let first = String::from_utf8_lossy(first);
    let mut words = first.splitn(3, ' ');
    let (version, status) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    if !version.starts_with("HTTP/1.") {
        return Err(format!("what listens at {at} is no HTTP proxy"));
    }
    match status {
        "200" => Ok(()),
        "407" => Err(format!(
            "the proxy {at} asks for a user and a password; put them into the proxy's address \
             (http://user:password@host:port)"
        )),
        _ => {
            let said = crate::protocol::sentence(&first);
            Err(format!(
                "the proxy {at} does not let the agent through to {target} ({said})"
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exceptions_are_names_addresses_and_networks() {
        for (entry, host, covered) in [
            ("*", "a.example", true),
            ("", "a.example", false),
            ("example", "a.example", true),
            (".example", "a.example", true),
            ("*.example", "b.a.example", true),
            ("example", "example", true),
            ("xample", "example", false),
            ("Custard.Example", "custard.example.", true),
            ("custard.example:8443", "custard.example", true),
            ("custard.example:443", "custard.example", false),
            ("10.0.0.0/8", "10.20.30.40", true),
            ("10.0.0.0/8", "11.20.30.40", false),
            ("10.0.0.0/40", "10.20.30.40", false),
            ("0.0.0.0/0", "11.20.30.40", true),
            ("10.0.0.1", "10.0.0.1", true),
            ("10.0.0.1", "10.0.0.10", false),
            ("fd00::/8", "fd12::1", true),
            ("[fd12::1]", "fd12::1", true),
            ("10.0.0.0/8", "fd12::1", false),
            ("10", "10.0.0.1", false),
        ] {
            assert_eq!(covers(entry, host, 8443), covered, "{entry} for {host}");
        }
    }

    #[test]
    fn answers_are_judged() {
        let judge = |answer: &str| judge(answer.as_bytes(), "p:1", "s:2");
        assert_eq!(judge("HTTP/1.1 200 Connection established\r\n\r\n"), Ok(()));
        assert_eq!(judge("HTTP/1.0 200\r\n\r\n"), Ok(()));
        assert!(
            judge("HTTP/1.1 407 Who are you\r\n\r\n")
                .unwrap_err()
                .contains("password")
        );
        assert!(judge("HTTP/1.1 403 No\r\n\r\n").unwrap_err().contains("403 No"));
        assert!(judge("SSH-2.0\r\n\r\n").unwrap_err().contains("no HTTP proxy"));
    }
}
