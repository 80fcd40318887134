//! Compression of stored values.
//!
//! A value is either plain (`dict` NULL) or its length as a varint followed by a zstd frame
//! without checksum, size and dictionary id (SQLite's page and the `dict` column hold those).

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension};
use zstd::bulk::{Compressor, Decompressor};
use zstd::zstd_safe::CParameter;

use super::fault::Fault;

/// Values shorter than this stay plain.
const WORTH_PACKING: usize = 64;
/// Largest value that is expanded; more is damage. Twice the largest request.
const LARGEST: u64 = 2 * agentops_protocol::limits::BODY_BYTES as u64;
const LEVEL: i32 = 3;

/// Appends a number, seven bits a byte, lowest first.
pub(crate) fn put_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Takes a number off the front.
pub(crate) fn take_number(bytes: &mut &[u8]) -> Result<u64, Fault> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first().ok_or(Fault::Damaged("number"))?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(number);
        }
    }
    Err(Fault::Damaged("number"))
}

/// A value as it is stored.
pub(crate) struct Packed<'a> {
    pub(crate) dict: Option<i64>,
    pub(crate) bytes: &'a [u8],
}

/// Packs with the newest dictionary.
pub(crate) struct Packer {
    compressor: Compressor<'static>,
    dict: i64,
    buffer: Vec<u8>,
}

impl Packer {
    /// Packs with dictionary `dict`; 0 and no bytes for none.
    pub(crate) fn new(dict: i64, bytes: &[u8]) -> Result<Self, Fault> {
        let mut compressor = if dict == 0 {
            Compressor::new(LEVEL)?
        } else {
            Compressor::with_dictionary(LEVEL, bytes)?
        };
        compressor.set_parameter(CParameter::ContentSizeFlag(false))?;
        compressor.set_parameter(CParameter::ChecksumFlag(false))?;
        compressor.set_parameter(CParameter::DictIdFlag(false))?;
        Ok(Self {
            compressor,
            dict,
            buffer: Vec::new(),
        })
    }

    /// With the newest dictionary of the database.
    pub(crate) fn newest(connection: &Connection) -> Result<Self, Fault> {
        let newest = connection
            .query_row(
                "SELECT id, bytes FROM dictionaries ORDER BY id DESC LIMIT 1",
                [],
                |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?)),
            )
            .optional()?;
        match newest {
            Some((dict, bytes)) => Self::new(dict, &bytes),
            None => Self::new(0, &[]),
        }
    }

    /// Which dictionary it packs with.
    pub(crate) fn dict(&self) -> i64 {
        self.dict
    }

    /// Packs where that makes it smaller.
    pub(crate) fn pack<'a>(&'a mut self, plain: &'a [u8]) -> Result<Packed<'a>, Fault> {
        if plain.len() < WORTH_PACKING {
            return Ok(Packed {
                dict: None,
                bytes: plain,
            });
        }
        self.buffer.clear();
        put_number(&mut self.buffer, plain.len() as u64);
        let head = self.buffer.len();
        self.buffer
            .resize(head + zstd::zstd_safe::compress_bound(plain.len()), 0);
        let size = self
            .compressor
            .compress_to_buffer(plain, &mut self.buffer[head..])?;
        if head + size >= plain.len() {
            return Ok(Packed {
                dict: None,
                bytes: plain,
            });
        }
        Ok(Packed {
            dict: Some(self.dict),
            bytes: &self.buffer[..head + size],
        })
    }
}

/// Expands what any packer of this database packed. Keeps one expander a dictionary.
#[derive(Default)]
pub(crate) struct Unpacker {
    by_dict: HashMap<i64, Decompressor<'static>>,
}

impl Unpacker {
    /// The plain value.
    pub(crate) fn unpack(
        &mut self,
        connection: &Connection,
        dict: Option<i64>,
        bytes: &[u8],
    ) -> Result<Vec<u8>, Fault> {
        let Some(dict) = dict else {
            return Ok(bytes.to_vec());
        };
        let mut frame = bytes;
        let length = take_number(&mut frame)?;
        if length > LARGEST {
            return Err(Fault::Damaged("length"));
        }
        let expander = match self.by_dict.entry(dict) {
            std::collections::hash_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::hash_map::Entry::Vacant(new) => {
                new.insert(expander(connection, dict)?)
            }
        };
        let plain = expander.decompress(frame, length as usize)?;
        if plain.len() as u64 == length {
            Ok(plain)
        } else {
            Err(Fault::Damaged("length"))
        }
    }
}

fn expander(connection: &Connection, dict: i64) -> Result<Decompressor<'static>, Fault> {
    if dict == 0 {
        return Ok(Decompressor::new()?);
    }
    let bytes: Vec<u8> = connection
        .query_row(
            "SELECT bytes FROM dictionaries WHERE id = ?1",
            [dict],
            |row| row.get(0),
        )
        .optional()?
        .ok_or(Fault::Damaged("dictionary"))?;
    Ok(Decompressor::with_dictionary(&bytes)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back() {
        for number in [0, 1, 127, 128, 300, u64::from(u32::MAX), u64::MAX] {
            let mut bytes = Vec::new();
            put_number(&mut bytes, number);
            let mut rest = bytes.as_slice();
            assert_eq!(take_number(&mut rest).unwrap(), number);
            assert!(rest.is_empty());
        }
        assert!(take_number(&mut [0xff; 3].as_slice()).is_err());
    }

    #[test]
    fn values_come_back_and_small_ones_stay_plain() {
        let connection = Connection::open_in_memory().unwrap();
        let mut packer = Packer::new(0, &[]).unwrap();
        let mut unpacker = Unpacker::default();
        for plain in [Vec::new(), vec![7; 10], vec![7; 5_000], b"abc".repeat(700)] {
            let packed = packer.pack(&plain).unwrap();
            assert_eq!(packed.dict.is_none(), plain.len() < WORTH_PACKING);
            let back = unpacker
                .unpack(&connection, packed.dict, packed.bytes)
                .unwrap();
            assert_eq!(back, plain);
        }
    }

    #[test]
    fn damage_is_an_error() {
        let connection = Connection::open_in_memory().unwrap();
        let mut unpacker = Unpacker::default();
        for bytes in [&[][..], &[5, 1, 2, 3], &[0xff; 12]] {
            assert!(unpacker.unpack(&connection, Some(0), bytes).is_err());
        }
        assert!(
            unpacker.unpack(&connection, Some(9), &[1, 0]).is_err(),
            "no such dictionary"
        );
    }
}
