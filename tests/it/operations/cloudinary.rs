//! Files and results on Cloudinary, against a scripted endpoint that keeps what it is sent and checks every
//! signature.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::StatusCode;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{ok, path, total, upload_sales};
use crate::support::app::Caller;
use crate::support::process::Process;

const SECRET: &str = "cloud-secret";

/// What it keeps, by public id.
#[derive(Clone, Default)]
struct Kept {
    all: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
    /// Requests that were turned away.
    wrong: Arc<Mutex<Vec<String>>>,
    /// Cuts the next deliveries in the middle.
    cuts: Arc<Mutex<u32>>,
}

impl Kept {
    fn turn_away(&self, why: String) -> HttpResponse {
        self.wrong.lock().unwrap().push(why.clone());
        HttpResponse::Unauthorized()
            .insert_header(("x-cld-error", why.clone()))
            .body(why)
    }

    fn keys(&self) -> Vec<String> {
        self.all.lock().unwrap().keys().cloned().collect()
    }
}

/// The parts of a form, by name.
fn parts(request: &HttpRequest, body: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let kind = request.headers().get("content-type").unwrap().to_str().unwrap();
    if !kind.starts_with("multipart/") {
        return url::form_urlencoded::parse(body)
            .map(|(name, value)| (name.into_owned(), value.into_owned().into_bytes()))
            .collect();
    }
    let boundary = format!("--{}", kind.split("boundary=").nth(1).unwrap());
    let find = |from: usize, what: &[u8]| {
        body[from..]
            .windows(what.len())
            .position(|window| window == what)
            .map(|at| at + from)
    };
    let mut all = BTreeMap::new();
    let mut at = find(0, boundary.as_bytes()).unwrap() + boundary.len();
    while let Some(end) = find(at, boundary.as_bytes()) {
        let split = find(at, b"\r\n\r\n").unwrap();
        let head = String::from_utf8_lossy(&body[at..split]).into_owned();
        let name = head
            .split("name=\"")
            .nth(1)
            .unwrap()
            .split('"')
            .next()
            .unwrap()
            .to_owned();
        all.insert(name, body[split + 4..end - 2].to_vec());
        at = end + boundary.len();
    }
    all
}

/// Whether the parameters are signed with the secret, and recently.
fn is_signed(parts: &BTreeMap<String, Vec<u8>>) -> bool {
    let text = |name: &str| String::from_utf8_lossy(&parts[name]).into_owned();
    let signed: Vec<String> = parts
        .iter()
        .filter(|(name, _)| !["file", "api_key", "signature"].contains(&name.as_str()))
        .map(|(name, value)| format!("{name}={}", String::from_utf8_lossy(value)))
        .collect();
    let digest = Sha256::digest(format!("{}{SECRET}", signed.join("&")));
    let expected: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let age = chrono::Utc::now().timestamp() - text("timestamp").parse::<i64>().unwrap();
    text("signature") == expected && text("api_key") == "cloud-key" && age.abs() < 600
}

async fn upload(request: HttpRequest, body: web::Bytes, kept: web::Data<Kept>) -> HttpResponse {
    let parts = parts(&request, &body);
    if !is_signed(&parts) || parts["type"] != b"authenticated" {
        return kept.turn_away("a wrong signature".into());
    }
    let id = String::from_utf8(parts["public_id"].clone()).unwrap();
    let mut all = kept.all.lock().unwrap();
    let whole = all.entry(id).or_default();
    let goes_on = request
        .headers()
        .get("content-range")
        .is_some_and(|range| !range.to_str().unwrap().starts_with("bytes 0-"));
    if !goes_on {
        whole.clear();
    }
    whole.extend_from_slice(&parts["file"]);
    HttpResponse::Ok().json(json!({ "bytes": whole.len() }))
}

async fn destroy(request: HttpRequest, body: web::Bytes, kept: web::Data<Kept>) -> HttpResponse {
    let parts = parts(&request, &body);
    if !is_signed(&parts) {
        return kept.turn_away("a wrong signature".into());
    }
    let id = String::from_utf8(parts["public_id"].clone()).unwrap();
    let result = match kept.all.lock().unwrap().remove(&id) {
        Some(_) => "ok",
        None => "not found",
    };
    HttpResponse::Ok().json(json!({ "result": result }))
}

async fn list(request: HttpRequest, kept: web::Data<Kept>) -> HttpResponse {
    let key = base64::engine::general_purpose::STANDARD.encode(format!("cloud-key:{SECRET}"));
    if request
        .headers()
        .get("authorization")
        .map(|value| value.to_str().unwrap())
        != Some(&format!("Basic {key}"))
    {
        return kept.turn_away("no such key".into());
    }
    let query: BTreeMap<String, String> = url::form_urlencoded::parse(request.query_string().as_bytes())
        .into_owned()
        .collect();
    let all = kept.all.lock().unwrap();
    let found: Vec<_> = all
        .iter()
        .filter(|(id, _)| id.starts_with(&query["prefix"]))
        .map(|(id, bytes)| json!({ "public_id": id, "bytes": bytes.len() }))
        .collect();
    // Two at a time, so that pages are turned.
    let from: usize = query
        .get("next_cursor")
        .map_or(0, |cursor| cursor.parse().unwrap());
    let page: Vec<_> = found.iter().skip(from).take(2).cloned().collect();
    let next = (from + 2 < found.len()).then(|| (from + 2).to_string());
    HttpResponse::Ok().json(json!({ "resources": page, "next_cursor": next }))
}

async fn deliver(
    request: HttpRequest,
    place: web::Path<(String, String)>,
    kept: web::Data<Kept>,
) -> HttpResponse {
    let (signature, id) = place.into_inner();
    let expected = URL_SAFE_NO_PAD.encode(Sha256::digest(format!("{id}{SECRET}")));
    if signature != expected[..32] {
        return kept.turn_away(format!("a wrong address for {id}"));
    }
    let Some(bytes) = kept.all.lock().unwrap().get(&id).cloned() else {
        return HttpResponse::NotFound().finish();
    };
    let from = request.headers().get("range").map_or(0, |range| {
        range.to_str().unwrap()["bytes=".len()..]
            .trim_end_matches('-')
            .parse()
            .unwrap()
    });
    let mut cuts = kept.cuts.lock().unwrap();
    if *cuts > 0 {
        *cuts -= 1;
        // The length says more than comes.
        let half = bytes[from..bytes.len().div_ceil(2).max(from)].to_vec();
        let stream = futures::stream::iter([Ok(web::Bytes::from(half)), Err(std::io::Error::other("cut"))]);
        let mut response = if from > 0 {
            HttpResponse::PartialContent()
        } else {
            HttpResponse::Ok()
        };
        return response
            .no_chunking((bytes.len() - from) as u64)
            .streaming(stream);
    }
    let mut response = if from > 0 {
        HttpResponse::PartialContent()
    } else {
        HttpResponse::Ok()
    };
    response.body(bytes[from..].to_vec())
}

fn endpoint() -> (String, Kept) {
    let kept = Kept::default();
    let (sender, port) = std::sync::mpsc::channel();
    let shared = kept.clone();
    std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let server = HttpServer::new(move || {
                App::new()
                    .app_data(web::Data::new(shared.clone()))
                    .app_data(web::PayloadConfig::new(64 << 20))
                    .route("/v1_1/mycloud/raw/upload", web::post().to(upload))
                    .route("/v1_1/mycloud/raw/destroy", web::post().to(destroy))
                    .route("/v1_1/mycloud/resources/raw/authenticated", web::get().to(list))
                    .route(
                        "/mycloud/raw/authenticated/s--{signature}--/v1/{id:.*}",
                        web::get().to(deliver),
                    )
            })
            .workers(1)
            .bind("127.0.0.1:0")
            .unwrap();
            sender.send(server.addrs()[0].port()).unwrap();
            server.run().await.unwrap();
        });
    });
    (format!("http://127.0.0.1:{}", port.recv().unwrap()), kept)
}

#[tokio::test(flavor = "multi_thread")]
async fn files_and_results_lie_at_cloudinary_signed_and_come_back_also_when_cut_off() {
    let (endpoint, kept) = endpoint();
    let variables = [
        ("CLOUDINARY_URL", "cloudinary://cloud-key:cloud-secret@mycloud"),
        ("CUSTARD_STORAGE_ENDPOINT", endpoint.as_str()),
    ];
    let folder = tempfile::tempdir().unwrap();
    let mut server = Process::server_with(folder.path(), &variables).await;
    let owner = server.owner().await;
    let file = upload_sales(&owner, "sales.csv").await;
    let answer = total(&owner).await;
    let keys = kept.keys();
    assert_eq!(keys.len(), 3, "{keys:?}");
    assert!(
        keys.iter().all(|key| key.starts_with("clean-custard/")),
        "{keys:?}"
    );
    // A file of more than one piece.
    let rows: String = (0..700_000)
        .map(|row| format!("{row},some words to make it long {row}\n"))
        .collect();
    let big = format!("id,words\n{rows}").into_bytes();
    assert!(big.len() > 20 << 20);
    let (status, uploaded) = owner.upload(&[("big.csv", &big)]).await;
    assert_eq!(status, StatusCode::CREATED, "{uploaded}");
    let big_id = uploaded["files"][0]["id"].as_str().unwrap();
    let original = format!("clean-custard/files/{big_id}/original");
    assert!(
        kept.all.lock().unwrap()[&original] == big,
        "the pieces were put together wrongly"
    );

    // Another start without local copies; the first deliveries are cut off in the middle.
    server.kill();
    std::fs::remove_dir_all(folder.path().join("data/cache")).unwrap();
    *kept.cuts.lock().unwrap() = 2;
    let server = Process::server_with(folder.path(), &variables).await;
    let owner = Caller::at(server.address)
        .log_in("owner@example.com", "a long password")
        .await;
    let result = format!(
        "/api/v1/results/{}?limit=10",
        answer["result_id"].as_str().unwrap()
    );
    assert_eq!(
        owner.get(&result).await.1["rows"].as_array().map(Vec::len),
        Some(1)
    );
    let body = json!({ "question": "total amount", "file_ids": [file] });
    let (_, answer) = owner.post("/api/v1/query", &body).await;
    assert!(answer["answer"].as_str().unwrap().contains("36"), "{answer}");
    let (_, status) = owner.get("/status").await;
    assert_eq!(
        (&status["storage"]["kind"], &status["storage"]["ok"]),
        (&json!("cloudinary"), &json!(true)),
        "{status}"
    );
    assert_eq!(*kept.wrong.lock().unwrap(), Vec::<String>::new());

    // Deleted here is deleted there, and neither the secret nor a signed address is in the log.
    owner.delete(&format!("/api/v1/files/{file}")).await;
    assert!(kept.keys().iter().all(|key| !key.contains(&file)));
    assert!(!server.log().contains("cloud-secret") && !server.log().contains("s--"));
    let data = folder.path().join("data");
    drop(server);
    assert!(
        ok(&["verify", "--data-dir", path(&data)], &variables)
            .await
            .contains("is whole")
    );
}
