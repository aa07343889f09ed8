//! The wire as agreed: a sample of every message, the limits, and what older ends say.

use super::*;

/// One sample of every message, as it stands on the wire. A change here is a change of the protocol:
/// older agents and servers send and expect exactly this.
fn samples() -> Vec<(Envelope, &'static str)> {
    let database = Database {
        reachable: true,
        kind: "POSTGRESQL".into(),
        version: Some("PostgreSQL 15.18".into()),
        role_warnings: vec!["The role is a superuser.".into()],
        message: None,
    };
    vec![
        (
            Envelope::new(
                1,
                Message::Hello(Hello {
                    protocol: 2,
                    oldest: 1,
                    product: "0.2.0".into(),
                    host: Some("db1".into()),
                    clock_ms: Some(1_790_000_000_000),
                    policy: Some(PolicySummary {
                        max_rows: 10,
                        max_bytes: 1000,
                        max_time_ms: 5000,
                        value_hints: true,
                        allowed_tables: 1,
                        denied_tables: 0,
                        hidden_columns: 2,
                        masked_columns: 3,
                    }),
                    database: Some(database.clone()),
                }),
            ),
            r#"{"id":1,"type":"hello","protocol":2,"oldest":1,"product":"0.2.0","host":"db1","clock_ms":1790000000000,"policy":{"max_rows":10,"max_bytes":1000,"max_time_ms":5000,"value_hints":true,"allowed_tables":1,"denied_tables":0,"hidden_columns":2,"masked_columns":3},"database":{"reachable":true,"kind":"POSTGRESQL","version":"PostgreSQL 15.18","role_warnings":["The role is a superuser."]}}"#,
        ),
        (
            Envelope::new(
                1,
                Message::Welcome(Welcome {
                    protocol: 1,
                    product: "0.1.0".into(),
                    connection_id: "c1".into(),
                    kind: "POSTGRESQL".into(),
                }),
            ),
            r#"{"id":1,"type":"welcome","protocol":1,"product":"0.1.0","connection_id":"c1","kind":"POSTGRESQL"}"#,
        ),
        (
            Envelope::new(2, Message::Ping(Ping { probe: false })),
            r#"{"id":2,"type":"ping"}"#,
        ),
        (
            Envelope::new(3, Message::Ping(Ping { probe: true })),
            r#"{"id":3,"type":"ping","probe":true}"#,
        ),
        (
            Envelope::new(2, Message::Pong(Pong::default())),
            r#"{"id":2,"type":"pong"}"#,
        ),
        (
            Envelope::new(
                3,
                Message::Pong(Pong {
                    database: Some(Database {
                        reachable: false,
                        kind: "POSTGRESQL".into(),
                        message: Some("refused".into()),
                        ..Database::default()
                    }),
                    took_us: Some(1500),
                }),
            ),
            r#"{"id":3,"type":"pong","database":{"reachable":false,"kind":"POSTGRESQL","message":"refused"},"took_us":1500}"#,
        ),
        (
            Envelope::new(
                4,
                Message::Schema(SchemaRequest {
                    credit: 65536,
                    known: None,
                }),
            ),
            r#"{"id":4,"type":"schema","credit":65536}"#,
        ),
        (
            Envelope::new(
                5,
                Message::Query(Query {
                    query: "SELECT 1".into(),
                    limits: QueryLimits {
                        rows: 10,
                        bytes: 1000,
                        time_ms: 5000,
                    },
                    deadline_ms: 6000,
                    credit: 65536,
                    traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into()),
                    asker: Some("u1".into()),
                }),
            ),
            r#"{"id":5,"type":"query","query":"SELECT 1","limits":{"rows":10,"bytes":1000,"time_ms":5000},"deadline_ms":6000,"credit":65536,"traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01","asker":"u1"}"#,
        ),
        (
            Envelope::new(5, Message::Credit(Credit { bytes: 4096 })),
            r#"{"id":5,"type":"credit","bytes":4096}"#,
        ),
        (
            Envelope::new(5, Message::Cancel(Cancel {})),
            r#"{"id":5,"type":"cancel"}"#,
        ),
        (
            Envelope::new(
                5,
                Message::End(End {
                    rows: 10,
                    truncated: true,
                }),
            ),
            r#"{"id":5,"type":"end","rows":10,"truncated":true}"#,
        ),
        (
            Envelope::new(
                5,
                Message::Fault(Fault {
                    code: "source".into(),
                    kind: Some(SourceFault::Name),
                    message: "No such table.".into(),
                }),
            ),
            r#"{"id":5,"type":"fault","code":"source","kind":"name","message":"No such table."}"#,
        ),
        (
            Envelope::new(
                0,
                Message::Drain(Drain {
                    come_back_ms: Some(5000),
                }),
            ),
            r#"{"id":0,"type":"drain","come_back_ms":5000}"#,
        ),
    ]
}

#[test]
fn every_message_stands_on_the_wire_as_agreed() {
    for (envelope, text) in samples() {
        assert_eq!(envelope.encode().unwrap(), text);
        assert_eq!(Envelope::decode(text).unwrap(), envelope);
    }
}

#[test]
fn unknown_fields_are_ignored_and_unknown_messages_kept_apart() {
    let ping = Envelope::decode(r#"{"later":[1,{"a":2}],"id":7,"type":"ping","mood":"good"}"#).unwrap();
    assert_eq!(ping, Envelope::new(7, Message::Ping(Ping::default())));
    let later = Envelope::decode(r#"{"id":9,"type":"teleport","to":"moon"}"#).unwrap();
    assert_eq!(later, Envelope::new(9, Message::Unknown));
}

#[test]
fn what_is_no_message_is_an_error() {
    for text in [
        "",
        "[]",
        "null",
        r#"{"type":"ping"}"#,
        r#"{"id":-1,"type":"ping"}"#,
        r#"{"id":1}"#,
        r#"{"id":1,"type":"query"}"#,
        r#"{"id":1,"type":"credit","bytes":-5}"#,
        &"x".repeat(MAX_TEXT + 1),
    ] {
        assert!(Envelope::decode(text).is_err(), "{text:.60}");
    }
}

#[test]
fn a_message_over_the_limit_is_not_sent() {
    let mut query = samples().remove(7).0;
    if let Message::Query(query) = &mut query.message {
        query.query = "x".repeat(MAX_TEXT);
    }
    assert!(matches!(query.encode(), Err(Error::TooLarge(_))));
}

#[test]
fn data_frames_carry_id_and_chunk() {
    let frame = data_frame(258, b"abc");
    assert_eq!(&frame[..], b"\0\0\0\0\0\0\x01\x02abc");
    assert_eq!(split_data_frame(&frame).unwrap(), (258, &b"abc"[..]));
    assert!(split_data_frame(&frame[..8]).is_err());
    assert!(split_data_frame(b"").is_err());
    assert!(split_data_frame(&vec![0; MAX_FRAME + 1]).is_err());
}

#[test]
fn versions_are_agreed_or_refused_with_a_sentence() {
    let hello = |protocol, oldest| Hello {
        protocol,
        oldest,
        ..Hello::default()
    };
    assert_eq!(agree(&hello(1, 1)), Ok(1));
    assert_eq!(agree(&hello(7, 1)), Ok(VERSION));
    assert!(agree(&hello(0, 0)).unwrap_err().contains("upgrade the agent"));
    assert!(agree(&hello(9, 9)).unwrap_err().contains("upgrade the server"));
}

#[test]
fn a_fault_cannot_speak_in_the_servers_name() {
    for code in ["unauthorized", "forbidden", "internal", "llm", "nonsense"] {
        let fault = Fault {
            code: code.into(),
            kind: None,
            message: "x".into(),
        };
        assert!(matches!(fault.into_error(), Error::Source { .. }), "{code}");
    }
    let fault = Fault::of(&Error::Internal("secret path".into()));
    assert!(!fault.message.contains("secret"));
}

/// What ends that speak protocol 1 send, word for word.
#[test]
fn the_previous_protocol_is_still_understood() {
    let hello = Envelope::decode(
        r#"{"id":1,"type":"hello","protocol":1,"oldest":1,"product":"0.1.0","database":{"reachable":true,"kind":"POSTGRESQL","version":"PostgreSQL 15.18"}}"#,
    )
    .unwrap();
    let Message::Hello(hello) = hello.message else {
        panic!("{hello:?}");
    };
    assert_eq!(agree(&hello), Ok(1));
    assert_eq!((hello.host, hello.clock_ms, hello.policy), (None, None, None));
    for (text, message) in [
        (r#"{"id":2,"type":"pong"}"#, Message::Pong(Pong::default())),
        (r#"{"id":0,"type":"drain"}"#, Message::Drain(Drain::default())),
        (
            r#"{"id":1,"type":"welcome","protocol":1,"product":"0.1.0","connection_id":"c1","kind":"POSTGRESQL"}"#,
            Message::Welcome(Welcome {
                protocol: 1,
                product: "0.1.0".into(),
                connection_id: "c1".into(),
                kind: "POSTGRESQL".into(),
            }),
        ),
    ] {
        assert_eq!(Envelope::decode(text).unwrap().message, message);
        assert_eq!(Envelope::decode(text).unwrap().encode().unwrap(), text);
    }
}

#[test]
fn the_longest_hello_fits_its_frame() {
    let long = "\u{1}\"\\ü".repeat(4000);
    let hello = Hello {
        database: Some(
            Database {
                version: Some(long.clone()),
                role_warnings: vec![long.clone(); 100],
                message: Some(long.clone()),
                ..Database::default()
            }
            .fitted(),
        ),
        ..Hello::default()
    };
    Envelope::new(1, Message::Hello(hello)).encode().unwrap();
}
