//! Counts the levels of a value on their way to a serializer, also those that leave no trace in JSON.
//!
//! `Some` and newtypes write nothing, so a limit on what is written never stops a list that is made of them alone, and
//! a thread's stack ends before it does. Every `Serialize` inside of a [`Counted`] value is given the serializer wrapped
//! in [`Levels`], with one level less than the one around it. On that way a lock is kept from being asked, see `locks`.

use std::any::type_name;
use std::fmt::Display;

use serde::ser::{
    Error, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant,
};
use serde::{Serialize, Serializer};

use super::locks::is_lock;

/// What the error says when there are no levels left.
const TOO_DEEP: &str = "nested too deep";

/// Whether an error is that there were too many levels.
pub(crate) fn is_too_deep(error: &serde_json::Error) -> bool {
    error.to_string() == TOO_DEEP
}

/// A value that may have so many levels.
pub(crate) struct Counted<'a, T: ?Sized> {
    pub(crate) value: &'a T,
    pub(crate) left: u32,
}

impl<T: Serialize + ?Sized> Serialize for Counted<'_, T> {
    #[inline]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if is_lock(type_name::<T>()) {
            return serializer.serialize_str(type_name::<T>().trim_start_matches('&'));
        }
        match self.left.checked_sub(1) {
            Some(left) => self.value.serialize(Levels {
                inner: serializer,
                left,
            }),
            None => Err(S::Error::custom(TOO_DEEP)),
        }
    }
}

/// A serializer, or a part of a value in the making, and the levels that are left.
struct Levels<S> {
    inner: S,
    left: u32,
}

macro_rules! handed_on {
    ($($name:ident: $type:ty),*) => {$(
        #[inline]
        fn $name(self, value: $type) -> Result<S::Ok, S::Error> {
            self.inner.$name(value)
        }
    )*};
}

macro_rules! begun {
    ($($name:ident -> $part:ident($($arg:ident: $type:ty),*);)*) => {$(
        #[inline]
        fn $name(self, $($arg: $type),*) -> Result<Levels<S::$part>, S::Error> {
            let inner = self.inner.$name($($arg),*)?;
            Ok(Levels { inner, left: self.left })
        }
    )*};
}

impl<S: Serializer> Serializer for Levels<S> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = Levels<S::SerializeSeq>;
    type SerializeTuple = Levels<S::SerializeTuple>;
    type SerializeTupleStruct = Levels<S::SerializeTupleStruct>;
    type SerializeTupleVariant = Levels<S::SerializeTupleVariant>;
    type SerializeMap = Levels<S::SerializeMap>;
    type SerializeStruct = Levels<S::SerializeStruct>;
    type SerializeStructVariant = Levels<S::SerializeStructVariant>;

    handed_on!(
        serialize_bool: bool, serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64,
        serialize_i128: i128, serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64,
        serialize_u128: u128, serialize_f32: f32, serialize_f64: f64, serialize_char: char, serialize_str: &str,
        serialize_bytes: &[u8], serialize_unit_struct: &'static str
    );

    begun!(
        serialize_seq -> SerializeSeq(len: Option<usize>);
        serialize_tuple -> SerializeTuple(len: usize);
        serialize_tuple_struct -> SerializeTupleStruct(name: &'static str, len: usize);
        serialize_tuple_variant -> SerializeTupleVariant(name: &'static str, index: u32, variant: &'static str, len: usize);
        serialize_map -> SerializeMap(len: Option<usize>);
        serialize_struct -> SerializeStruct(name: &'static str, len: usize);
        serialize_struct_variant -> SerializeStructVariant(name: &'static str, index: u32, variant: &'static str, len: usize);
    );

    #[inline]
    fn serialize_none(self) -> Result<S::Ok, S::Error> {
        self.inner.serialize_none()
    }

    #[inline]
    fn serialize_unit(self) -> Result<S::Ok, S::Error> {
        self.inner.serialize_unit()
    }

    #[inline]
    fn serialize_unit_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
    ) -> Result<S::Ok, S::Error> {
        self.inner.serialize_unit_variant(name, index, variant)
    }

    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        let left = self.left;
        self.inner.serialize_some(&Counted { value, left })
    }

    #[inline]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        let left = self.left;
        let value = &Counted { value, left };
        self.inner.serialize_newtype_struct(name, value)
    }

    #[inline]
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        let left = self.left;
        let value = &Counted { value, left };
        self.inner
            .serialize_newtype_variant(name, index, variant, value)
    }

    #[inline]
    fn collect_str<T: Display + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        self.inner.collect_str(value)
    }

    #[inline]
    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

macro_rules! parts {
    ($($part:ident: $add:ident($($key:ident)?);)*) => {$(
        impl<S: $part> $part for Levels<S> {
            type Ok = S::Ok;
            type Error = S::Error;

            #[inline]
            fn $add<T: Serialize + ?Sized>(&mut self, $($key: &'static str,)? value: &T) -> Result<(), S::Error> {
                let left = self.left;
                self.inner.$add($($key,)? &Counted { value, left })
            }

            #[inline]
            fn end(self) -> Result<S::Ok, S::Error> {
                self.inner.end()
            }
        }
    )*};
}

parts!(
    SerializeSeq: serialize_element();
    SerializeTuple: serialize_element();
    SerializeTupleStruct: serialize_field();
    SerializeTupleVariant: serialize_field();
    SerializeStruct: serialize_field(key);
    SerializeStructVariant: serialize_field(key);
);

impl<S: SerializeMap> SerializeMap for Levels<S> {
    type Ok = S::Ok;
    type Error = S::Error;

    #[inline]
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), S::Error> {
        let left = self.left;
        self.inner.serialize_key(&Counted { value: key, left })
    }

    #[inline]
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), S::Error> {
        let left = self.left;
        self.inner.serialize_value(&Counted { value, left })
    }

    #[inline]
    fn end(self) -> Result<S::Ok, S::Error> {
        self.inner.end()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::value::RawValue;

    use super::*;

    #[derive(Serialize)]
    struct Unit;

    #[derive(Serialize)]
    struct Newtype(Option<u8>);

    #[derive(Serialize)]
    struct Pair(i128, &'static str);

    #[derive(Serialize)]
    enum Choice {
        Nothing,
        One(Newtype),
        Two(u8, char),
        Named { a: f64, b: Option<()> },
    }

    #[derive(Serialize)]
    #[serde(tag = "kind")]
    enum Tagged {
        Leaf { size: u64 },
    }

    #[derive(Serialize)]
    struct Everything {
        unit: Unit,
        pair: Pair,
        choices: Vec<Choice>,
        map: BTreeMap<u8, (bool, Option<String>)>,
        tagged: Tagged,
        raw: Box<RawValue>,
        #[serde(flatten)]
        rest: BTreeMap<String, Newtype>,
        #[serde(skip_serializing_if = "Option::is_none")]
        skipped: Option<u8>,
        shown: std::net::Ipv4Addr,
    }

    fn through<T: Serialize>(value: &T, levels: u32) -> serde_json::Result<String> {
        let mut out = Vec::new();
        let mut serializer = serde_json::Serializer::new(&mut out);
        Counted {
            value,
            left: levels,
        }
        .serialize(&mut serializer)?;
        Ok(String::from_utf8(out).expect("JSON is text"))
    }

    #[test]
    fn nothing_is_written_in_another_way() {
        let everything = Everything {
            unit: Unit,
            pair: Pair(i128::MIN, "\"\u{e9}\n"),
            choices: vec![
                Choice::Nothing,
                Choice::One(Newtype(Some(3))),
                Choice::Two(1, 'x'),
                Choice::Named { a: 0.5, b: None },
            ],
            map: [(7, (true, None)), (8, (false, Some("s".to_owned())))].into(),
            tagged: Tagged::Leaf { size: 1 },
            raw: RawValue::from_string("{ \"kept\" : 1 }".to_owned()).expect("JSON"),
            rest: [("more".to_owned(), Newtype(None))].into(),
            skipped: None,
            shown: std::net::Ipv4Addr::LOCALHOST,
        };
        let plain = serde_json::to_string(&everything).expect("it can be written");
        assert_eq!(through(&everything, 12).expect("few levels"), plain);
    }

    #[test]
    fn each_level_counts_whatever_it_writes() {
        let value = Some(vec![Newtype(Some(1))]);
        for levels in 0..5 {
            let error = through(&value, levels).expect_err("not enough");
            assert!(is_too_deep(&error), "{error}");
        }
        assert_eq!(through(&value, 5).expect("enough"), "[1]");
    }
}
