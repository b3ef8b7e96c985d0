#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

use std::fs;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rcgen::{CertificateParams, KeyPair};
use tempfile::TempDir;

use super::*;

/// A certificate for `localhost` until a day, and its key, as PEM.
fn pair(year: i32) -> (String, String) {
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.not_after = rcgen::date_time_ymd(year, 1, 2);
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    (pem("CERTIFICATE", certificate.der()), pem("PRIVATE KEY", &key.serialize_der()))
}

/// Bytes in the form of RFC 7468.
fn pem(label: &str, bytes: &[u8]) -> String {
    let text = STANDARD.encode(bytes);
    let lines: Vec<_> = text.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

#[test]
fn says_what_is_wrong_with_the_files() {
    let folder = TempDir::new().unwrap();
    let (certificate, key) = pair(2040);
    let (_, other_key) = pair(2040);
    let encrypted = key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
    let older = "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n\
                 -----END EC PRIVATE KEY-----\n";
    let broken = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    let both = format!("{key}{certificate}");
    for (certificate, key, expect) in [
        (Some(&*certificate), Some(&*key), None),
        (Some(&both), Some(&both), None),
        (None, Some(&key), Some("chain.pem can't be read")),
        (Some(&certificate), None, Some("key.pem can't be read")),
        (Some("text"), Some(&key), Some("chain.pem holds no certificate")),
        (Some(&key), Some(&key), Some("chain.pem holds no certificate")),
        (Some(&certificate), Some(""), Some("key.pem holds no private key")),
        (Some(&certificate), Some(&certificate), Some("key.pem holds no private key")),
        (Some(&certificate), Some(&encrypted), Some("key.pem is encrypted")),
        (Some(&certificate), Some(older), Some("key.pem is encrypted")),
        (Some(&certificate), Some(broken), Some("key.pem can't be used")),
        (Some(&certificate), Some(&other_key), Some("doesn't belong to the certificate")),
    ] {
        let files = ["chain.pem", "key.pem"].map(|name| folder.path().join(name));
        for (file, text) in files.iter().zip([certificate, key]) {
            match text {
                Some(text) => fs::write(file, text).unwrap(),
                None => {
                    let _ = fs::remove_file(file);
                }
            }
        }
        let said = Certificate::read(&files[0], &files[1]).err().map(|error| error.to_string());
        match expect {
            None => assert_eq!(said, None),
            Some(expect) => assert!(said.as_ref().unwrap().contains(expect), "{said:?}"),
        }
    }
}

#[test]
fn reads_anew_what_is_whole_and_keeps_the_old_one_else() {
    let folder = TempDir::new().unwrap();
    let files = ["chain.pem", "key.pem"].map(|name| folder.path().join(name));
    let write = |(certificate, key): &(String, String)| {
        fs::write(&files[0], certificate).unwrap();
        fs::write(&files[1], key).unwrap();
    };
    let (first, second) = (pair(2039), pair(2001));
    write(&first);
    let certificate = Certificate::read(&files[0], &files[1]).unwrap();
    let year = || {
        let since = certificate.expires().unwrap().duration_since(UNIX_EPOCH).unwrap();
        1970 + since.as_secs() / (365 * 24 * 60 * 60 + 6 * 60 * 60)
    };
    assert_eq!((year(), certificate.reload().unwrap()), (2039, false));
    fs::write(&files[1], &second.1).unwrap();
    assert!(certificate.reload().is_err());
    assert_eq!(year(), 2039);
    write(&second);
    assert!(certificate.reload().unwrap());
    assert_eq!(year(), 2001, "one that has expired is still the one that was asked for");
}
