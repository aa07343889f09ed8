//! Who is on the other end of a request, as far as the network knows. Forwarded headers are anybody's to
//! write, so they count only when a configured proxy handed them over.

use std::net::{IpAddr, Ipv4Addr};

use actix_web::http::header::{FORWARDED, HeaderMap};
use actix_web::{HttpRequest, web};
use ipnet::IpNet;

use super::App;

/// The caller's address: the peer's, or the one that the configured proxies vouch for.
pub fn ip(request: &HttpRequest) -> IpAddr {
    let trusted = request
        .app_data::<web::Data<App>>()
        .map_or(&[][..], |app| app.config.server.trusted_proxies.as_slice());
    // Without a peer there is no network: a test's own request.
    let peer = request
        .peer_addr()
        .map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |peer| peer.ip());
    resolve(peer, request.headers(), trusted)
}

/// Follows the chain of proxies from the nearest one outwards, for as long as each is trusted.
fn resolve(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let peer = peer.to_canonical();
    if !is_trusted(peer, trusted) {
        return peer;
    }
    let old: Vec<&str> = parts(headers, "x-forwarded-for").collect();
    let new: Vec<&str> = parts(headers, FORWARDED.as_str()).collect();
    let by_old = follow(peer, old.iter().map(|part| address(part)), trusted);
    let by_new = follow(peer, new.iter().map(|part| forwarded_for(part)), trusted);
    match (old.is_empty(), new.is_empty()) {
        (_, true) => by_old,
        (true, false) => by_new,
        // A proxy writes one of the two and passes on what the caller wrote into the other: without agreement
        // neither can be believed.
        (false, false) if by_old == by_new => by_old,
        (false, false) => peer,
    }
}

fn follow(peer: IpAddr, hops: impl DoubleEndedIterator<Item = Option<IpAddr>>, trusted: &[IpNet]) -> IpAddr {
    let mut caller = peer;
    for hop in hops.rev() {
        let (true, Some(before)) = (is_trusted(caller, trusted), hop) else {
            break;
        };
        caller = before.to_canonical();
    }
    caller
}

fn is_trusted(address: IpAddr, trusted: &[IpNet]) -> bool {
    trusted.iter().any(|network| network.contains(&address))
}

/// The comma-separated parts of all lines of a header, in order.
fn parts<'h>(headers: &'h HeaderMap, name: &'h str) -> impl Iterator<Item = &'h str> {
    headers
        .get_all(name)
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|part| !part.is_empty())
}

/// The `for=` of one element of a `Forwarded` header.
fn forwarded_for(element: &str) -> Option<IpAddr> {
    element.split(';').find_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        name.eq_ignore_ascii_case("for")
            .then(|| address(value.trim().trim_matches('"')))?
    })
}

/// An address, perhaps with a port: `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]:80`.
fn address(text: &str) -> Option<IpAddr> {
    if let Ok(address) = text.parse() {
        return Some(address);
    }
    if let Some(rest) = text.strip_prefix('[') {
        return rest.split_once(']')?.0.parse().ok();
    }
    text.split_once(':')?.0.parse().ok()
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};

    use super::*;

    fn resolved(peer: &str, headers: &[(&str, &str)], trusted: &[&str]) -> String {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(
                name.parse::<HeaderName>().unwrap(),
                HeaderValue::from_str(value).unwrap(),
            );
        }
        let trusted: Vec<IpNet> = trusted.iter().map(|network| network.parse().unwrap()).collect();
        resolve(peer.parse().unwrap(), &map, &trusted).to_string()
    }

    #[test]
    fn nobody_is_believed_unless_configured() {
        let lie = [
            ("x-forwarded-for", "203.0.113.9"),
            ("forwarded", "for=203.0.113.9"),
        ];
        assert_eq!(resolved("198.51.100.1", &lie, &[]), "198.51.100.1");
        assert_eq!(resolved("198.51.100.1", &lie, &["10.0.0.0/8"]), "198.51.100.1");
        assert_eq!(resolved("::ffff:198.51.100.1", &lie, &[]), "198.51.100.1");
    }

    #[test]
    fn the_chain_is_read_from_the_right() {
        let trusted = ["10.0.0.0/8", "fd00::/8"];
        for (headers, expected) in [
            (vec![("x-forwarded-for", "203.0.113.9")], "203.0.113.9"),
            // What the caller wrote himself stands on the left.
            (vec![("x-forwarded-for", "1.1.1.1, 203.0.113.9")], "203.0.113.9"),
            (
                vec![("x-forwarded-for", "1.1.1.1, 203.0.113.9, 10.0.0.7")],
                "203.0.113.9",
            ),
            (
                vec![("x-forwarded-for", "1.1.1.1"), ("x-forwarded-for", "203.0.113.9")],
                "203.0.113.9",
            ),
            (vec![("x-forwarded-for", "203.0.113.9:4711")], "203.0.113.9"),
            (vec![("x-forwarded-for", "[2001:db8::1]:4711")], "2001:db8::1"),
            (vec![("x-forwarded-for", "2001:db8::1")], "2001:db8::1"),
            (vec![("x-forwarded-for", "1.1.1.1, unknown")], "10.0.0.1"),
            (vec![("x-forwarded-for", "")], "10.0.0.1"),
            (vec![], "10.0.0.1"),
            (
                vec![("forwarded", "for=1.1.1.1, for=\"[2001:db8::2]:80\";proto=https")],
                "2001:db8::2",
            ),
            (
                vec![("forwarded", "proto=https;FOR=203.0.113.9;by=10.0.0.1")],
                "203.0.113.9",
            ),
            (vec![("forwarded", "for=_hidden")], "10.0.0.1"),
            // Two headers that tell different stories: one of them is the caller's.
            (
                vec![("x-forwarded-for", "203.0.113.9"), ("forwarded", "for=1.1.1.1")],
                "10.0.0.1",
            ),
            (
                vec![
                    ("x-forwarded-for", "203.0.113.9"),
                    ("forwarded", "for=203.0.113.9"),
                ],
                "203.0.113.9",
            ),
        ] {
            assert_eq!(resolved("10.0.0.1", &headers, &trusted), expected, "{headers:?}");
        }
    }
}
