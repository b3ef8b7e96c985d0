//! Verifies a log in a folder with crates that know nothing of Muster: `verify-log FOLDER`.

use std::{error::Error, fs, path::PathBuf};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;
use signed_note::{Note, StandardVerifier, VerifierList};
use tlog_tiles::{
    Checkpoint, HashReader, Tile, TileHashReader, TileReader,
    tlog::{
        Error as LogError, Hash, check_record, check_tree, prove_record, record_hash,
        stored_hash_index,
    },
};

struct Folder(PathBuf);

impl TileReader for Folder {
    fn height(&self) -> u8 {
        8
    }

    fn read_tiles(&self, tiles: &[Tile]) -> Result<Vec<Vec<u8>>, LogError> {
        // C2SP's paths leave out the height, which is always 8.
        let path = |tile: &Tile| self.0.join(tile.path().replacen("tile/8/", "tile/", 1));
        let read = |tile: &Tile| fs::read(path(tile)).map_err(|_| LogError::BadMath);
        tiles.iter().map(read).collect()
    }

    fn save_tiles(&self, _: &[Tile], _: &[Vec<u8>]) {}
}

impl Folder {
    fn read(&self, name: &str) -> Result<Vec<u8>, Box<dyn Error>> {
        fs::read(self.0.join(name)).map_err(|error| format!("{name}: {error}").into())
    }

    /// A checkpoint that the key has signed.
    fn checkpoint(&self, name: &str) -> Result<Checkpoint, Box<dyn Error>> {
        let key = String::from_utf8(self.read("key")?)?;
        let verifier = StandardVerifier::new(key.trim())?;
        let note = Note::from_bytes(&self.read(name)?)?;
        note.verify(&VerifierList::new(vec![Box::new(verifier)]))?;
        Ok(Checkpoint::from_bytes(note.text()).map_err(|_| format!("{name} is malformed"))?)
    }

    fn json(&self, name: &str) -> Result<Value, Box<dyn Error>> {
        Ok(serde_json::from_slice(&self.read(name)?)?)
    }
}

fn hash(text: &str) -> Result<Hash, Box<dyn Error>> {
    let byte = |at: usize| u8::from_str_radix(text.get(at..at + 2).unwrap_or(""), 16);
    let bytes: Vec<u8> = (0..32).map(|number| byte(2 * number)).collect::<Result<_, _>>()?;
    Ok(Hash(bytes.try_into().map_err(|_| "a hash has 32 bytes")?))
}

fn hashes(proof: &Value) -> Result<Vec<Hash>, Box<dyn Error>> {
    let hashes = proof["hashes"].as_array().ok_or("no hashes")?;
    hashes.iter().map(|one| hash(one.as_str().unwrap_or(""))).collect()
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = Folder(std::env::args().nth(1).ok_or("verify-log FOLDER")?.into());
    let signed = folder.checkpoint("checkpoint")?;
    let (size, root) = (signed.size(), *signed.hash());
    let reader = TileHashReader::new(size, root, &folder);
    let mut position = 0;
    for bundle in 0..size.div_ceil(256) {
        let width = (size - bundle * 256).min(256);
        let part = if width == 256 { String::new() } else { format!(".p/{width}") };
        let bytes = folder.read(&format!("tile/entries/{bundle:03}{part}"))?;
        let mut rest = &bytes[..];
        while let Some((length, more)) = rest.split_first_chunk::<2>() {
            let (entry, more) = more.split_at(u16::from_be_bytes(*length).into());
            let kept = reader.read_hashes(&[stored_hash_index(0, position)])?;
            assert_eq!(kept, [record_hash(entry)], "the entry at index {position}");
            let proof = prove_record(size, position, &reader)?;
            check_record(&proof, size, root, position, record_hash(entry))?;
            (position, rest) = (position + 1, more);
        }
    }
    assert_eq!(position, size, "entries in the bundles");
    let proof = folder.json("inclusion.json")?;
    let entry = STANDARD.decode(proof["entry"].as_str().unwrap_or(""))?;
    let index = proof["position"].as_u64().ok_or("no position")? - 1;
    check_record(&hashes(&proof)?, size, root, index, record_hash(&entry))?;
    let older = folder.checkpoint("older")?;
    let proof = folder.json("consistency.json")?;
    check_tree(&hashes(&proof)?, size, root, older.size(), *older.hash())?;
    println!("{} entries, {} older: tlog_tiles and signed_note agree", size, older.size());
    Ok(())
}
