//! Servers that are encrypted.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use gitwire_transport::{TlsOptions, Verification};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::{ADVERTISEMENT, GREETING, advertise, answer, options};

/// A server whose certificate names `name`, and that says `said` to everybody; its URL, and the certificate in a file.
fn start(name: &str, said: Vec<u8>) -> (String, PathBuf) {
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = StreamOwned::new(connection, stream);
            // One request, in one read; who does not like the certificate says nothing.
            if stream.read(&mut [0; 4096]).is_ok() {
                let said = stream.write_all(&said);
                let _ = said.and_then(|()| stream.flush());
            }
        }
    });
    let file = std::env::temp_dir().join(format!("gitwire-{}-{port}.pem", std::process::id()));
    std::fs::write(&file, made.cert.pem()).unwrap();
    (format!("https://127.0.0.1:{port}"), file)
}

#[test]
fn certificates_are_checked() {
    let (url, file) = start("127.0.0.1", answer(200, ADVERTISEMENT, GREETING));
    let (other_url, other_file) = start("example.org", Vec::new());
    let ask = |url: &str, verification, authorities: Option<&PathBuf>| {
        let mut options = options();
        options.http.tls = TlsOptions::default();
        options.http.tls.verification = verification;
        options.http.tls.authorities = authorities.cloned();
        advertise(url, &options).map_err(|text| text.replace(url, "URL"))
    };
    let good = Ok(GREETING.to_owned());
    assert_eq!(ask(&url, Verification::Full, Some(&file)), good);
    assert_eq!(ask(&url, Verification::None, None), good);
    for (url, file) in [(&url, &other_file), (&other_url, &other_file), (&other_url, &file)] {
        let error = ask(url, Verification::Full, Some(file)).unwrap_err();
        assert!(error.starts_with("unable to access 'URL': invalid peer certificate: "), "{error}");
    }
    let error = ask(&url, Verification::Full, Some(&PathBuf::from("/nowhere"))).unwrap_err();
    assert!(error.starts_with("unable to access '/nowhere': "), "{error}");
    for file in [file, other_file] {
        std::fs::remove_file(file).unwrap();
    }
}

#[test]
fn what_is_not_encrypted_is_no_https_server() {
    let server = super::Server::start(|_| Vec::new());
    let url = server.url().replace("http://", "https://");
    let error = advertise(&url, &{
        let mut options = options();
        options.http.tls.verification = Verification::None;
        options
    });
    let error = error.unwrap_err();
    assert!(error.starts_with(&format!("unable to access '{url}': ")), "{error}");
}

#[test]
fn nobody_is_sent_from_what_is_encrypted_to_what_is_not() {
    let plain = super::Server::start(|_| answer(200, ADVERTISEMENT, GREETING));
    let to = format!("{}/a/info/refs?service=git-upload-pack", plain.url());
    let (url, file) = start("127.0.0.1", super::redirect(302, &to));
    let mut options = options();
    options.http.tls.authorities = Some(file.clone());
    let error = advertise(&format!("{url}/a"), &options).unwrap_err();
    let expected = format!("redirect to '{to}' not followed: to what is not encrypted");
    assert!(error.ends_with(&expected), "{error}");
    assert!(plain.asked().is_empty());
    std::fs::remove_file(file).unwrap();
}
