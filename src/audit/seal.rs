//! Checkpoints: what was new in all streams, under one root, signed together with the checkpoint
//! before. Whoever keeps one checkpoint elsewhere can prove everything that came before it.
//!
//! The root is the Merkle tree hash of RFC 6962: SHA-256, a byte 0 before a leaf and a byte 1 before
//! two nodes. A leaf is the stream, the number of its last event and that event's hash, joined by
//! `\n`. What is signed (Ed25519) is the text of [`Checkpoint::text`]; its SHA-256 is what the next
//! checkpoint names as the one before.

use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The last event of a stream when a checkpoint was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leaf {
    pub stream: String,
    pub seq: i64,
    pub head: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// 1, 2, 3 and so on, without gaps.
    pub number: i64,
    pub at: i64,
    pub root: String,
    /// The hash of the checkpoint before; empty for the first.
    pub previous: String,
    pub signature: String,
}

impl Checkpoint {
    /// What is signed and hashed.
    pub fn text(&self) -> String {
        let Checkpoint { number, at, root, previous, signature: _ } = self;
        format!("p0 checkpoint\n{number}\n{at}\n{root}\n{previous}")
    }

    pub fn hash(&self) -> String {
        hex::encode(Sha256::digest(self.text()))
    }
}

/// The root over leaves in the order of their streams, in lower-case hexadecimal.
pub fn merkle_root(leaves: &[Leaf]) -> String {
    let hashes: Vec<[u8; 32]> = leaves
        .iter()
        .map(|Leaf { stream, seq, head }| {
            let hash = Sha256::new_with_prefix([0]).chain_update(format!("{stream}\n{seq}\n{head}"));
            hash.finalize().into()
        })
        .collect();
    hex::encode(tree(&hashes))
}

/// RFC 6962, section 2.1: the left side takes the largest power of two that leaves something.
fn tree(hashes: &[[u8; 32]]) -> [u8; 32] {
    match hashes {
        [] => Sha256::digest([]).into(),
        [one] => *one,
        more => {
            let (left, right) = more.split_at(more.len().next_power_of_two() / 2);
            Sha256::new_with_prefix([1]).chain_update(tree(left)).chain_update(tree(right)).finalize().into()
        }
    }
}

/// Signs checkpoints. Cannot be printed.
pub struct Signer(Ed25519KeyPair);

impl Signer {
    /// `None`: the library does not take this seed, which it does with every one.
    pub fn from_seed(seed: &[u8; 32]) -> Option<Signer> {
        Ed25519KeyPair::from_seed_unchecked(seed).ok().map(Signer)
    }

    /// What others check with, in hexadecimal.
    pub fn public_key(&self) -> String {
        hex::encode(self.0.public_key())
    }

    pub fn sign(&self, checkpoint: &mut Checkpoint) {
        checkpoint.signature = hex::encode(self.0.sign(checkpoint.text().as_bytes()));
    }
}

/// Is the signature of a checkpoint by this key?
pub fn signed_by(public_key: &str, checkpoint: &Checkpoint) -> bool {
    let (Ok(key), Ok(signature)) = (hex::decode(public_key), hex::decode(&checkpoint.signature)) else { return false };
    UnparsedPublicKey::new(&ED25519, key).verify(checkpoint.text().as_bytes(), &signature).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaf(stream: &str) -> Leaf {
        Leaf { stream: stream.into(), seq: 1, head: "h".into() }
    }

    #[test]
    fn the_root_is_that_of_rfc_6962() {
        // The root of no leaves, by the RFC.
        assert_eq!(merkle_root(&[]), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        let hash = |bytes: &[u8]| -> Vec<u8> { Sha256::digest(bytes).to_vec() };
        let one = |stream: &str| hash(format!("\0{stream}\n1\nh").as_bytes());
        let two = |left: &[u8], right: &[u8]| hash(&[&[1], left, right].concat());
        let five = two(&two(&two(&one("a"), &one("b")), &two(&one("c"), &one("d"))), &one("e"));
        assert_eq!(merkle_root(&["a", "b", "c", "d", "e"].map(leaf)), hex::encode(five));
        assert_ne!(merkle_root(&["a", "b"].map(leaf)), merkle_root(&["b", "a"].map(leaf)));
    }

    #[test]
    fn only_the_key_that_signed_is_taken_for_it() {
        let signer = Signer::from_seed(&[7; 32]).expect("a key");
        let mut checkpoint =
            Checkpoint { number: 1, at: 2, root: merkle_root(&[leaf("a")]), previous: String::new(), signature: String::new() };
        signer.sign(&mut checkpoint);
        assert!(signed_by(&signer.public_key(), &checkpoint));
        assert!(!signed_by(&Signer::from_seed(&[8; 32]).expect("a key").public_key(), &checkpoint));
        assert!(!signed_by(&signer.public_key(), &Checkpoint { at: 3, ..checkpoint.clone() }));
        assert!(!signed_by("", &checkpoint) && !signed_by("zz", &checkpoint));
    }
}
