#![expect(clippy::unwrap_used, reason = "a test that can't go on should stop")]

use proptest::prelude::*;

use super::*;

/// RFC 8032, 7.1, tests 1 to 3: seed, public key, message, signature.
const VECTORS: [[&str; 4]; 3] = [
    [
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ],
    [
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ],
    [
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ],
];

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().map(|d| (d as char).to_digit(16).unwrap() as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

#[test]
fn signs_and_verifies_the_vectors_of_rfc_8032() {
    for [seed, public, message, signature] in VECTORS {
        let pair = KeyPair::from_seed(&bytes(seed).try_into().unwrap());
        assert_eq!(pair.public().bytes().to_vec(), bytes(public));
        assert_eq!(pair.seed().to_vec(), bytes(seed));
        let signed = pair.sign(&bytes(message));
        assert_eq!(signed.0.to_vec(), bytes(signature));
        let public = PublicKey::from_bytes(&bytes(public).try_into().unwrap()).unwrap();
        assert_eq!(public.verify(&bytes(message), &signed), Ok(()));
        assert_eq!(public.verify(b"another", &signed), Err(Unsigned));
    }
}

#[test]
fn debug_shows_the_public_half_alone() {
    let [seed, public, ..] = VECTORS[0];
    let shown = format!("{:?}", KeyPair::from_seed(&bytes(seed).try_into().unwrap()));
    assert!(shown.contains(public), "{shown}");
    assert!(!shown.contains(&seed[..8]), "{shown}");
}

#[test]
fn refuses_weak_keys_and_what_is_no_point() {
    let mut identity = [0; 32];
    identity[0] = 1;
    let mut no_point = [0; 32];
    no_point[0] = 2;
    for key in [identity, [0; 32], no_point] {
        assert_eq!(PublicKey::from_bytes(&key), Err(PublicKeyError), "{key:02x?}");
    }
}

proptest! {
    #[test]
    fn one_flipped_bit_anywhere_breaks_the_signature(
        seed: [u8; 32], message in proptest::collection::vec(any::<u8>(), 1..100), bit: usize,
    ) {
        let pair = KeyPair::from_seed(&seed);
        let signature = pair.sign(&message);
        prop_assert_eq!(pair.public().verify(&message, &signature), Ok(()));
        let mut other = signature;
        other.0[bit / 8 % 64] ^= 1 << (bit % 8);
        prop_assert_eq!(pair.public().verify(&message, &other), Err(Unsigned));
        let mut changed = message.clone();
        let at = bit / 8 % message.len();
        changed[at] ^= 1 << (bit % 8);
        prop_assert_eq!(pair.public().verify(&changed, &signature), Err(Unsigned));
    }
}
