//! Skip: finds where a value ends, and nothing else.

use super::complex::Complex;
use super::visit::{DecimalParts, ListKind, PrimitiveKind, Visitor};
use super::walk;
use crate::protocol::error::DecodeError;
use crate::protocol::read::Reader;

/// Reads one data object and forgets it.
pub fn skip(reader: &mut Reader<'_>) -> Result<(), DecodeError> {
    walk(reader, &mut Nothing)
}

struct Nothing;

type Done = Result<(), DecodeError>;

impl<'a> Visitor<'a> for Nothing {
    type Value = ();
    type List = ();
    type Map = ();
    type Error = DecodeError;

    fn null(&mut self) -> Done {
        Ok(())
    }

    fn byte(&mut self, _: i8) -> Done {
        Ok(())
    }

    fn short(&mut self, _: i16) -> Done {
        Ok(())
    }

    fn int(&mut self, _: i32) -> Done {
        Ok(())
    }

    fn long(&mut self, _: i64) -> Done {
        Ok(())
    }

    fn float(&mut self, _: f32) -> Done {
        Ok(())
    }

    fn double(&mut self, _: f64) -> Done {
        Ok(())
    }

    fn char(&mut self, _: u16) -> Done {
        Ok(())
    }

    fn bool(&mut self, _: bool) -> Done {
        Ok(())
    }

    fn string(&mut self, _: &'a [u8], _: usize) -> Done {
        Ok(())
    }

    fn uuid(&mut self, _: u64, _: u64) -> Done {
        Ok(())
    }

    fn date(&mut self, _: i64, _: usize) -> Done {
        Ok(())
    }

    fn timestamp(&mut self, _: i64, _: i32, _: usize) -> Done {
        Ok(())
    }

    fn time(&mut self, _: i64, _: usize) -> Done {
        Ok(())
    }

    fn decimal(&mut self, _: DecimalParts<'a>, _: usize) -> Done {
        Ok(())
    }

    fn enum_value(&mut self, _: i32, _: i32, _: bool) -> Done {
        Ok(())
    }

    fn primitives(&mut self, _: PrimitiveKind, _: &'a [u8]) -> Done {
        Ok(())
    }

    fn list(&mut self, _: ListKind, _: usize, _: usize) -> Done {
        Ok(())
    }

    fn list_item(&mut self, (): &mut (), _: usize, (): ()) -> Done {
        Ok(())
    }

    fn list_end(&mut self, (): ()) -> Done {
        Ok(())
    }

    fn map(&mut self, _: i8, _: usize, _: usize) -> Done {
        Ok(())
    }

    fn map_entry(&mut self, (): &mut (), (): (), (): ()) -> Done {
        Ok(())
    }

    fn map_end(&mut self, (): ()) -> Done {
        Ok(())
    }

    fn complex(&mut self, _: Complex<'a>) -> Done {
        Ok(())
    }

    fn handle(&mut self, _: Reader<'a>) -> Done {
        Ok(())
    }

    fn class(&mut self, _: i32, _: Option<&'a [u8]>, _: usize) -> Done {
        Ok(())
    }

    fn optimized(&mut self, _: &'a [u8], _: usize) -> Done {
        Ok(())
    }
}
