#![expect(clippy::unwrap_used, reason = "a test that can't go on should stop")]

use proptest::prelude::*;

use super::*;
use crate::KeyPair;

// The example of golang.org/x/mod/sumdb/note.
const SIGNER: &str =
    "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
const VERIFIER: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const TEXT: &str = "If you think cryptography is the answer to your problem,\n\
                    then you don't know what your problem is.\n";
const LINE: &str = "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZ\
                    SNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

fn signer() -> Signer {
    SIGNER.parse().unwrap()
}

fn known() -> [Verifier; 1] {
    [VERIFIER.parse().unwrap()]
}

fn other() -> Signer {
    Signer::new("other.example/log".parse().unwrap(), KeyPair::from_seed(&[7; 32]))
}

#[test]
fn signs_gos_example_to_the_byte_and_opens_it() {
    let note = signer().sign(TEXT).unwrap();
    assert_eq!(note, format!("{TEXT}\n{LINE}"));
    assert_eq!(open(note.as_bytes(), &known()), Ok(TEXT));
}

#[test]
fn keys_come_back_as_they_were_written() {
    assert_eq!(*signer().secret_text(), SIGNER);
    assert_eq!(signer().verifier().to_string(), VERIFIER);
    assert_eq!(VERIFIER.parse().as_ref(), Ok(signer().verifier()));
    assert_eq!(signer().verifier().id().to_string(), "c74f20a3");
}

#[test]
fn secrets_do_not_show_in_debug() {
    let shown = format!("{:?}", signer());
    assert!(shown.contains("PeterNeumann"));
    for secret in ["810a1402", "129, 10, 20", "AYEKFALV"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[test]
fn refuses_what_is_no_key() {
    let wrong_id = VERIFIER.replace("c74f20a3", "c74f20a4");
    let wrong_name = VERIFIER.replace("Peter", "Pieter");
    for (text, expect) in [
        ("", KeyError::Malformed),
        ("a", KeyError::Malformed),
        ("a+b+c", KeyError::Malformed),
        ("+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", KeyError::Malformed),
        ("a b+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", KeyError::Malformed),
        ("a++74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", KeyError::Malformed),
        ("a+c74f20a3+ARpc", KeyError::Malformed),
        ("a+c74f20a3+", KeyError::Malformed),
        (
            "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
            KeyError::Kind { kind: 0x65 },
        ),
        (&wrong_id, KeyError::Id),
        (&wrong_name, KeyError::Id),
    ] {
        assert_eq!(text.parse::<Verifier>(), Err(expect), "{text}");
    }
    let wrong_id = SIGNER.replace("c74f20a3", "00000000");
    for (text, expect) in
        [("", KeyError::Malformed), (VERIFIER, KeyError::Malformed), (&wrong_id, KeyError::Id)]
    {
        assert_eq!(text.parse::<Signer>().map(|_| ()), Err(expect), "{text}");
    }
}

#[test]
fn every_cut_of_a_key_is_refused() {
    for end in 0..SIGNER.len() {
        assert!(SIGNER[..end].parse::<Signer>().is_err(), "{end}");
        assert!(SIGNER[end + 1..].parse::<Signer>().is_err(), "{end}");
    }
    for end in 0..VERIFIER.len() {
        assert!(VERIFIER[..end].parse::<Verifier>().is_err(), "{end}");
        assert!(VERIFIER[end + 1..].parse::<Verifier>().is_err(), "{end}");
    }
}

#[test]
fn opens_what_others_signed_too() {
    let line = other().sign(TEXT).unwrap().split_off(TEXT.len() + 1);
    for note in [format!("{TEXT}\n{line}{LINE}"), format!("{TEXT}\n{LINE}{line}")] {
        assert_eq!(open(note.as_bytes(), &known()), Ok(TEXT));
    }
    assert_eq!(open(format!("{TEXT}\n{line}").as_bytes(), &known()), Err(NoteError::Unknown));
    assert_eq!(open(format!("{TEXT}\n{LINE}").as_bytes(), &[]), Err(NoteError::Unknown));
}

#[test]
fn a_wrong_signature_in_a_known_name_refuses_the_note() {
    let wrong = NoteError::Signature {
        name: "PeterNeumann".parse().unwrap(),
        id: KeyId([0xc7, 0x4f, 0x20, 0xa3]),
    };
    let short = format!("— PeterNeumann {}\n", STANDARD.encode(b"\xc7\x4f\x20\xa3short"));
    for note in [
        format!("{TEXT}more\n\n{LINE}"),
        format!("{TEXT}\n{}", LINE.replace("ZJku", "ZJkv")),
        format!("{TEXT}\n{short}"),
        format!("{TEXT}\n{LINE}{short}"),
    ] {
        assert_eq!(open(note.as_bytes(), &known()), Err(wrong.clone()), "{note}");
    }
}

/// A key id has four bytes, so other keys with the same id can be found.
#[test]
fn a_known_keys_id_under_another_name_is_passed_over() {
    let line = LINE.replace("Peter", "Pieter");
    assert_eq!(open(format!("{TEXT}\n{line}").as_bytes(), &known()), Err(NoteError::Unknown));
    assert_eq!(open(format!("{TEXT}\n{line}{LINE}").as_bytes(), &known()), Ok(TEXT));
}

#[test]
fn refuses_what_is_no_note() {
    let many = format!("{TEXT}\n{}", LINE.repeat(SIGNATURES_MAX + 1));
    for note in [
        String::new(),
        "\n".to_owned(),
        "\n\n".to_owned(),
        TEXT.to_owned(),
        format!("{TEXT}{LINE}"),
        format!("{TEXT}\n"),
        format!("{TEXT}\n{}", LINE.trim_end()),
        format!("{TEXT}\n{LINE}\n"),
        format!("{TEXT}\nx{LINE}"),
        format!("{TEXT}\n{}", LINE.replace('—', "-")),
        format!("{TEXT}\n{}", LINE.replace("PeterNeumann", "Peter+Neumann")),
        format!("{TEXT}\n{}", LINE.replace("PeterNeumann", "")),
        format!("{TEXT}\n{}", LINE.replace("AM=", "AM")),
        format!("{TEXT}\n{}", LINE.replace("AM=", "AN=")),
        format!("{TEXT}\n— PeterNeumann AAAA\n"),
        format!("{TEXT}\n— PeterNeumann\n"),
        format!("a\tb\n\n{LINE}"),
        format!("a\r\n\n{LINE}"),
        many,
    ] {
        assert_eq!(open(note.as_bytes(), &known()), Err(NoteError::Malformed), "{note}");
    }
    assert_eq!(open(b"a\xff\n\n", &known()), Err(NoteError::Malformed));
    let bytes = NOTE_BYTES_MAX + 1;
    assert_eq!(open(&vec![b'a'; bytes], &known()), Err(NoteError::TooLarge { bytes }));
}

#[test]
fn signs_no_text_that_would_not_open() {
    for text in ["", "a", "a\nb", "a\0\n", "a\r\n", "\t\n"] {
        assert_eq!(signer().sign(text), Err(TextError), "{text:?}");
    }
}

proptest! {
    #[test]
    fn what_was_signed_opens_to_its_text(lines in proptest::collection::vec("[^\0-\x1f]*", 1..5)) {
        let text = lines.join("\n") + "\n";
        let note = signer().sign(&text).unwrap();
        prop_assert_eq!(open(note.as_bytes(), &known()), Ok(text.as_str()));
    }

    #[test]
    fn no_changed_byte_opens_to_another_text(at: usize, byte: u8) {
        let mut note = signer().sign(TEXT).unwrap().into_bytes();
        let at = at % note.len();
        note[at] = byte;
        if let Ok(text) = open(&note, &known()) {
            prop_assert_eq!(text, TEXT);
        }
    }

    #[test]
    fn any_bytes_are_refused_without_a_panic(note: Vec<u8>, text: String) {
        prop_assert!(open(&note, &known()).is_err());
        prop_assert!(text.parse::<Verifier>().is_err());
        prop_assert!(text.parse::<Signer>().is_err());
    }
}
