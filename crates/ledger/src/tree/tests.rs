#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that can't go on should stop")]

use proptest::{collection::vec, prelude::*};

use super::*;

/// The eight leaves that implementations of Certificate Transparency use in tests.
const LEAVES: [&[u8]; 8] = [
    b"",
    b"\x00",
    b"\x10",
    b"\x20\x21",
    b"\x30\x31",
    b"\x40\x41\x42\x43",
    b"\x50\x51\x52\x53\x54\x55\x56\x57",
    b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
];

/// The roots of the trees with the first 0 to 8 of them.
const ROOTS: [&str; 9] = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

const A: &str = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7";
const B: &str = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e";
const C: &str = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4";
const D: &str = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b";
const E: &str = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0";
const F: &str = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a";

fn leaves() -> Vec<Digest> {
    LEAVES.iter().map(|bytes| Digest::of_parts(&[&[0], bytes])).collect()
}

fn digests(texts: &[&str]) -> Vec<Digest> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

/// RFC 6962, 2.1, word for word: slow, but obviously correct.
fn naive(leaves: &[Digest]) -> Digest {
    match leaves {
        [] => Digest::of(b""),
        [leaf] => *leaf,
        _ => {
            let mut split = 1;
            while split * 2 < leaves.len() {
                split *= 2;
            }
            node(&naive(&leaves[..split]), &naive(&leaves[split..]))
        }
    }
}

#[test]
fn grows_through_the_known_roots() {
    let mut tree = MerkleTree::default();
    assert_eq!(tree.root().to_string(), ROOTS[0]);
    for (leaf, root) in leaves().into_iter().zip(&ROOTS[1..]) {
        tree.append(leaf);
        assert_eq!(&tree.root().to_string(), root);
    }
    assert_eq!(tree.size(), 8);
    assert_eq!(tree, MerkleTree::of(&leaves()));
}

#[test]
fn gives_and_takes_the_known_proofs_of_inclusion() {
    for (index, size, expect) in [
        (0, 1, &[][..]),
        (0, 8, &[A, B, C]),
        (5, 8, &[D, E, ROOTS[4]]),
        (2, 3, &[ROOTS[2]]),
        (1, 5, &[ROOTS[1], B, D]),
    ] {
        let proof = inclusion_proof(index, size, subtrees(&leaves())).unwrap();
        assert_eq!(proof, digests(expect), "{index} in {size}");
        let root = ROOTS[size as usize].parse().unwrap();
        let leaf = leaves()[index as usize];
        assert_eq!(verify_inclusion(&leaf, index, size, &root, &proof), Ok(()));
    }
}

#[test]
fn gives_and_takes_the_known_proofs_of_consistency() {
    for (old, size, expect) in
        [(1, 1, &[][..]), (1, 8, &[A, B, C]), (6, 8, &[F, E, ROOTS[4]]), (2, 5, &[B, D])]
    {
        let proof = consistency_proof(old, size, subtrees(&leaves())).unwrap();
        assert_eq!(proof, digests(expect), "{old} in {size}");
        let [old_root, root] = [old, size].map(|size| ROOTS[size as usize].parse().unwrap());
        assert_eq!(verify_consistency(old, &old_root, size, &root, &proof), Ok(()));
    }
}

/// The properties below use random sizes; this covers all small ones.
#[test]
fn all_proofs_about_small_trees_hold() {
    let leaves: Vec<_> = (0..33_u64).map(|n| Digest::of(&n.to_be_bytes())).collect();
    for size in 0..=leaves.len() {
        let root = naive(&leaves[..size]);
        for (index, leaf) in leaves[..size].iter().enumerate() {
            let (index, size) = (index as u64, size as u64);
            let proof = inclusion_proof(index, size, subtrees(&leaves)).unwrap();
            assert_eq!(verify_inclusion(leaf, index, size, &root, &proof), Ok(()));
        }
        for old in 0..=size {
            let (old_root, old, size) = (naive(&leaves[..old]), old as u64, size as u64);
            let proof = consistency_proof(old, size, subtrees(&leaves)).unwrap();
            assert_eq!(verify_consistency(old, &old_root, size, &root, &proof), Ok(()));
        }
    }
}

#[test]
fn refuses_proofs_about_what_is_not_there() {
    let (leaf, root) = (leaves()[0], ROOTS[8].parse().unwrap());
    let outside = |index, size| ProofError::Outside { index, size };
    assert_eq!(verify_inclusion(&leaf, 8, 8, &root, &[]), Err(outside(8, 8)));
    assert_eq!(verify_inclusion(&leaf, 0, 0, &root, &[]), Err(outside(0, 0)));
    assert_eq!(verify_consistency(9, &root, 8, &root, &[]), Err(outside(9, 8)));
    assert_eq!(inclusion_proof(8, 8, subtrees(&leaves())), Err(outside(8, 8)));
    assert_eq!(inclusion_proof(0, 9, subtrees(&leaves())), Err(outside(9, 8)));
    assert_eq!(consistency_proof(9, 8, subtrees(&leaves())), Err(outside(9, 8)));
}

#[test]
fn every_size_has_an_empty_tree_before_it_and_itself() {
    for (size, root) in ROOTS.iter().enumerate() {
        let (size, root) = (size as u64, root.parse().unwrap());
        let empty = Head::EMPTY.hash;
        assert_eq!(consistency_proof(0, size, subtrees(&leaves())), Ok(vec![]));
        assert_eq!(verify_consistency(0, &empty, size, &root, &[]), Ok(()));
        assert_eq!(verify_consistency(size, &root, size, &root, &[]), Ok(()));
        let more = Err(ProofError::Length { hashes: 1 });
        assert_eq!(verify_consistency(size, &root, size, &root, &[root]), more);
        let other = Digest::of(b"other");
        assert_eq!(verify_consistency(0, &other, size, &root, &[]), Err(ProofError::Root));
    }
}

/// The largest sizes: nobody can make such proofs, but anybody can send them.
#[test]
fn sizes_at_the_end_of_the_numbers_do_no_harm() {
    let hash = Digest::of(b"");
    let edges = [0, 1, 2, u64::MAX / 2, u64::MAX / 2 + 1, u64::MAX - 1, u64::MAX];
    for (index, size) in edges.into_iter().flat_map(|a| edges.map(|b| (a, b))) {
        for length in [0, 1, 62, 63, 64, 65, 66, 1000] {
            let proof = vec![hash; length];
            assert!(verify_inclusion(&hash, index, size, &Digest([9; 32]), &proof).is_err());
            let old = Digest([8; 32]);
            assert!(verify_consistency(index, &old, size, &Digest([9; 32]), &proof).is_err());
        }
    }
}

proptest! {
    #[test]
    fn agrees_with_the_definition(leaves in vec(any::<[u8; 32]>().prop_map(Digest), 0..70)) {
        let mut tree = MerkleTree::default();
        for (size, leaf) in leaves.iter().enumerate() {
            prop_assert_eq!(tree.root(), naive(&leaves[..size]));
            tree.append(*leaf);
        }
        prop_assert_eq!(tree.root(), naive(&leaves));
        prop_assert_eq!(tree.size(), leaves.len() as u64);
        prop_assert_eq!(tree.peaks.len(), leaves.len().count_ones() as usize);
    }

    #[test]
    fn proofs_hold_and_changed_ones_do_not(
        (size, old, index) in (1_u64..130).prop_flat_map(|n| (Just(n), 0..=n, 0..n)),
        at: prop::sample::Index,
    ) {
        let leaves: Vec<_> = (0..size).map(|n| Digest::of(&n.to_be_bytes())).collect();
        let root = naive(&leaves);
        let old_root = naive(&leaves[..old as usize]);
        let leaf = leaves[index as usize];

        let proof = inclusion_proof(index, size, subtrees(&leaves)).unwrap();
        prop_assert_eq!(verify_inclusion(&leaf, index, size, &root, &proof), Ok(()));
        prop_assert!(verify_inclusion(&root, index, size, &leaf, &proof).is_err() || size == 1);
        for (other, error) in mutations(&proof, at) {
            prop_assert_eq!(verify_inclusion(&leaf, index, size, &root, &other), Err(error));
        }
        for (other, hash) in leaves.iter().enumerate().filter(|(n, _)| *n as u64 != index) {
            prop_assert!(verify_inclusion(hash, index, size, &root, &proof).is_err());
            prop_assert!(verify_inclusion(&leaf, other as u64, size, &root, &proof).is_err());
        }

        let proof = consistency_proof(old, size, subtrees(&leaves)).unwrap();
        prop_assert_eq!(verify_consistency(old, &old_root, size, &root, &proof), Ok(()));
        let wrong = Digest::of(b"wrong");
        prop_assert!(verify_consistency(old, &wrong, size, &root, &proof).is_err());
        prop_assert!(verify_consistency(old, &old_root, size, &wrong, &proof).is_err() || old == 0);
        for (other, error) in mutations(&proof, at) {
            let result = verify_consistency(old, &old_root, size, &root, &other);
            prop_assert_eq!(result, Err(error));
        }
    }
}

/// The proof with one more hash, one less, and one changed, with the expected errors.
fn mutations(proof: &[Digest], at: prop::sample::Index) -> Vec<(Vec<Digest>, ProofError)> {
    let length = |hashes| ProofError::Length { hashes };
    let more = [proof, &[Digest([0; 32])]].concat();
    let mut all = vec![(more, length(proof.len() + 1))];
    if !proof.is_empty() {
        let at = at.index(proof.len());
        let mut less = proof.to_vec();
        less.remove(at);
        let mut changed = proof.to_vec();
        changed[at].0[0] ^= 1;
        all.extend([(less, length(proof.len() - 1)), (changed, ProofError::Root)]);
    }
    all
}

/// Proofs from the roots of full subtrees and the leaves of single tiles, which are asked for.
#[test]
fn proofs_need_the_leaves_of_two_tiles_at_most() {
    let leaves: Vec<_> = (0..70_000_u64).map(|n| Digest::of(&n.to_be_bytes())).collect();
    let (mut tree, mut subtrees_kept) = (MerkleTree::default(), FullSubtrees::default());
    for leaf in &leaves {
        tree.append_noting(*leaf, |height, root| subtrees_kept.note(height, root));
    }
    let asking = |wanted: &dyn Fn(&KnownHashes<'_>) -> Result<Vec<Digest>, HashError>| {
        let mut tiles = std::collections::BTreeMap::new();
        loop {
            match wanted(&KnownHashes::new(&subtrees_kept, &tiles)) {
                Ok(proof) => return (proof, tiles.len()),
                Err(HashError::Missing { tile }) => {
                    let start = tile as usize * 256;
                    let end = leaves.len().min(start + 256);
                    assert_eq!(tiles.insert(tile, leaves[start..end].to_vec()), None);
                }
                Err(HashError::Proof(error)) => panic!("{error}"),
            }
        }
    };
    let sizes = [1, 2, 255, 256, 257, 511, 512, 513, 65_535, 65_536, 65_537, 69_999, 70_000];
    let root = |size| asking(&|known| Ok(vec![known.subtree(0..size)?])).0[0];
    for size in [1, 255, 256, 257, 600, 70_000_u64] {
        assert_eq!(root(size), MerkleTree::of(&leaves[..size as usize]).root(), "{size}");
    }
    for size in sizes {
        for index in [0, 1, 254, 255, 256, 511, 512, 65_535, 65_536, size - 1] {
            if index < size {
                let (proof, tiles) =
                    asking(&|known| inclusion_proof(index, size, |range| known.subtree(range)));
                let leaf = leaves[index as usize];
                assert_eq!(verify_inclusion(&leaf, index, size, &root(size), &proof), Ok(()));
                assert!(tiles <= 2, "{tiles} for {index} in {size}");
            }
        }
        for old in sizes.into_iter().filter(|old| *old <= size) {
            let (proof, tiles) =
                asking(&|known| consistency_proof(old, size, |range| known.subtree(range)));
            let roots = (root(old), root(size));
            assert_eq!(verify_consistency(old, &roots.0, size, &roots.1, &proof), Ok(()));
            assert!(tiles <= 2, "{tiles} for {old} in {size}");
        }
    }
}
