//! Secrets: where they are read from, and how what must be stored is sealed.
//!
//! A secret never stands in `p0.yaml`, a log, an error or a process argument. It comes from an
//! environment variable or a file, lives in [`SecretString`], and is sealed (XChaCha20-Poly1305)
//! before it goes into the database.

use std::path::PathBuf;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use secrecy::{ExposeSecret, SecretBox, SecretString};
use serde::Deserialize;
use sha2::Sha256;

use crate::audit::Signer;
use crate::domain::outside::Outside;

/// Where a secret is to be found: `{ env: NAME }` or `{ file: /path }`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum SecretRef {
    Env(String),
    File(PathBuf),
}

/// The environment as it was handed to the program. Tests hand in their own.
#[derive(Clone)]
pub struct Env(std::sync::Arc<Get>);

type Get = dyn Fn(&str) -> Option<String> + Send + Sync;

impl Env {
    pub fn of_process() -> Env {
        Env::new(|name| std::env::var(name).ok())
    }

    pub fn new(get: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Env {
        Env(std::sync::Arc::new(get))
    }

    /// A setting; an empty one counts as not set.
    pub fn get(&self, name: &str) -> Option<String> {
        (self.0)(name).filter(|value| !value.is_empty())
    }

    /// A secret: from the variable, or from the file that the variable with `_FILE` at its end names.
    pub fn secret(&self, name: &str) -> Result<SecretString, BadSecret> {
        match (self.get(name), self.get(&format!("{name}_FILE"))) {
            (Some(value), _) => Ok(SecretString::from(value)),
            (None, Some(path)) => SecretRef::File(path.into()).read(),
            (None, None) => Err(BadSecret::NoVariable(name.to_owned())),
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum BadSecret {
    #[error("{0} is not set; set it, or set {0}_FILE to a file that holds it")]
    NoVariable(String),
    #[error("the environment variable {0} is not set; set it, or write {{ file: /path/to/a/file }} here instead")]
    NotInEnv(String),
    #[error("the secret file {0} cannot be read: {1}")]
    NoFile(PathBuf, std::io::Error),
    #[error("the key file {0} must hold 64 hexadecimal digits; put the copy of it back that you keep")]
    NoKey(PathBuf),
    #[error("what was sealed does not open with this key; give every replica the same P0_KEY_FILE")]
    WrongKey,
    #[error("no key for checkpoints can be made from the key file; put the copy of it back that you keep")]
    NoSigner,
    #[error("the text to be sealed is too long")]
    TooLong,
}

impl SecretRef {
    pub fn read(&self) -> Result<SecretString, BadSecret> {
        match self {
            SecretRef::Env(name) => std::env::var(name).map(SecretString::from).map_err(|_| BadSecret::NotInEnv(name.clone())),
            SecretRef::File(path) => std::fs::read_to_string(path)
                .map(|text| SecretString::from(text.trim_end_matches(['\r', '\n'])))
                .map_err(|error| BadSecret::NoFile(path.clone(), error)),
        }
    }
}

/// The installation's own key. Everything it is used for gets a key of its own, derived by name.
pub struct Key(SecretBox<[u8; 32]>);

impl Key {
    pub fn from_bytes(bytes: [u8; 32]) -> Key {
        Key(SecretBox::new(Box::new(bytes)))
    }

    /// Reads the key file, or makes it with mode 600 at the first start.
    pub fn load_or_make(path: &std::path::Path, outside: &dyn Outside) -> Result<Key, BadSecret> {
        use std::io::Write;
        use std::os::unix::fs::OpenOptionsExt;
        let no_file = |error| BadSecret::NoFile(path.to_owned(), error);
        let made = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        match made {
            Ok(mut file) => {
                let mut bytes = [0u8; 32];
                bytes[..16].copy_from_slice(&outside.random().to_le_bytes());
                bytes[16..].copy_from_slice(&outside.random().to_le_bytes());
                file.write_all(hex::encode(bytes).as_bytes()).and_then(|()| file.sync_all()).map_err(no_file)?;
                Ok(Key::from_bytes(bytes))
            }
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Key::load(path),
            Err(error) => Err(no_file(error)),
        }
    }

    /// Reads the key file of an installation that was started before.
    pub fn load(path: &std::path::Path) -> Result<Key, BadSecret> {
        let text = std::fs::read_to_string(path).map_err(|error| BadSecret::NoFile(path.to_owned(), error))?;
        let mut bytes = [0u8; 32];
        hex::decode_to_slice(text.trim(), &mut bytes).map_err(|_| BadSecret::NoKey(path.to_owned()))?;
        Ok(Key::from_bytes(bytes))
    }

    /// A key for one purpose, so that no two uses share one.
    fn derive(&self, purpose: &str) -> [u8; 32] {
        let mut block = [0u8; 64]; // HMAC pads a short key with zeros to the block of the hash (RFC 2104)
        block[..32].copy_from_slice(self.0.expose_secret());
        let mut mac = <Hmac<Sha256> as KeyInit>::new(&block.into());
        mac.update(purpose.as_bytes());
        mac.finalize().into_bytes().into()
    }

    /// Six characters that name this installation in targets' marks; they give nothing away.
    pub fn installation(&self) -> String {
        hex::encode(&self.derive("installation")[..3])
    }

    /// What signs checkpoints of the record.
    pub fn signer(&self) -> Result<Signer, BadSecret> {
        Signer::from_seed(&self.derive("checkpoints")).ok_or(BadSecret::NoSigner)
    }

    /// Seals a text to be stored under `name`; it opens only under the same name.
    pub fn seal(&self, name: &str, plain: &str, outside: &dyn Outside) -> Result<String, BadSecret> {
        let mut nonce = [0u8; 24];
        nonce[..16].copy_from_slice(&outside.random().to_le_bytes());
        nonce[16..].copy_from_slice(&outside.random().to_le_bytes()[..8]);
        let cipher = XChaCha20Poly1305::new(&self.derive("seal").into());
        let payload = Payload { msg: plain.as_bytes(), aad: name.as_bytes() };
        let sealed = cipher.encrypt(&XNonce::from(nonce), payload).map_err(|_| BadSecret::TooLong)?;
        Ok(format!("{}{}", hex::encode(nonce), hex::encode(sealed)))
    }

    pub fn open(&self, name: &str, sealed: &str) -> Result<SecretString, BadSecret> {
        let bytes = hex::decode(sealed).map_err(|_| BadSecret::WrongKey)?;
        let (nonce, body) = bytes.split_first_chunk::<24>().ok_or(BadSecret::WrongKey)?;
        let cipher = XChaCha20Poly1305::new(&self.derive("seal").into());
        let plain = cipher
            .decrypt(&XNonce::from(*nonce), Payload { msg: body, aad: name.as_bytes() })
            .map_err(|_| BadSecret::WrongKey)?;
        String::from_utf8(plain).map(SecretString::from).map_err(|_| BadSecret::WrongKey)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::outside::tests::Still;
    use crate::domain::time::Time;

    #[test]
    fn what_is_sealed_opens_only_under_its_name_and_key() {
        let key = Key::from_bytes([7; 32]);
        let sealed = key.seal("trigger", "13345224609.738474920", &Still(Time(0))).expect("sealed");
        assert!(!sealed.contains("13345224609"));
        assert_eq!(key.open("trigger", &sealed).expect("opens").expose_secret(), "13345224609.738474920");
        assert!(key.open("other", &sealed).is_err());
        assert!(Key::from_bytes([8; 32]).open("trigger", &sealed).is_err());
        assert!(key.open("trigger", "00").is_err());
    }

    #[test]
    fn the_key_file_is_made_once_and_private() {
        use std::os::unix::fs::PermissionsExt;
        let folder = std::env::temp_dir().join(format!("p0-key-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let path = folder.join("p0.key");
        let first = Key::load_or_make(&path, &Still(Time(0))).expect("made").installation();
        assert_eq!(Key::load_or_make(&path, &Still(Time(1))).expect("read").installation(), first);
        assert_eq!(std::fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
        std::fs::remove_dir_all(&folder).expect("removed");
    }
}
