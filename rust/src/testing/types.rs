//! Binary types: what a server knows about classes of complex objects.

use std::collections::BTreeMap;

use super::wire::{self, Cursor, NULL, Outcome, Refusal, Undecodable};

/// One type: its fields and its schemas grow, its name, affinity field and kind stay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BinaryType {
    id: i32,
    name: String,
    affinity_field: Option<String>,
    fields: Vec<(String, i32, i32)>,
    constants: Option<BTreeMap<i32, String>>,
    schemas: BTreeMap<i32, Vec<i32>>,
}

/// Complex objects are of one kind whether they come wrapped or not, and so are enums.
fn same_kind(one: i32, other: i32) -> bool {
    let family = |code| match code {
        0x1b => 0x67,
        0x26 => 0x1c,
        other => other,
    };
    family(one) == family(other)
}

fn text(cursor: &mut Cursor<'_>) -> Result<String, Undecodable> {
    cursor.string()?.map(str::to_owned).ok_or(Undecodable)
}

impl BinaryType {
    pub fn read(cursor: &mut Cursor<'_>) -> Result<Self, Undecodable> {
        let (id, name) = (cursor.i32()?, text(cursor)?);
        let affinity_field = cursor.string()?.map(str::to_owned);
        let fields = cursor.each(|cursor| Ok((text(cursor)?, cursor.i32()?, cursor.i32()?)))?;
        let constants = if cursor.bool()? {
            let named = cursor.each(|cursor| {
                let name = text(cursor)?;
                Ok((cursor.i32()?, name))
            })?;
            Some(named.into_iter().collect())
        } else {
            None
        };
        let schemas = cursor.each(|cursor| Ok((cursor.i32()?, cursor.each(Cursor::i32)?)))?.into_iter().collect();
        Ok(Self { id, name, affinity_field, fields, constants, schemas })
    }

    fn write(&self) -> Vec<u8> {
        let mut out = vec![1];
        out.extend(self.id.to_le_bytes());
        out.extend(wire::string(&self.name));
        out.extend(self.affinity_field.as_deref().map_or_else(|| NULL.to_vec(), wire::string));
        let field = |(name, code, id): &(String, i32, i32)| {
            [wire::string(name), code.to_le_bytes().to_vec(), id.to_le_bytes().to_vec()].concat()
        };
        out.extend(wire::counted(self.fields.iter().map(field)));
        out.push(self.constants.is_some().into());
        if let Some(constants) = &self.constants {
            let constant = |(ordinal, name): (&i32, &String)| [wire::string(name), ordinal.to_le_bytes().to_vec()].concat();
            out.extend(wire::counted(constants.iter().map(constant)));
        }
        let schema = |(id, fields): (&i32, &Vec<i32>)| {
            let ids = fields.iter().map(|field| field.to_le_bytes().to_vec());
            [id.to_le_bytes().to_vec(), wire::counted(ids)].concat()
        };
        out.extend(wire::counted(self.schemas.iter().map(schema)));
        out
    }

    /// Adds what the other one has and this one has not.
    fn merge(&mut self, newer: Self) -> Result<(), String> {
        if self.name != newer.name {
            return Err(format!("type {} is named {}, not {}", self.id, self.name, newer.name));
        }
        if self.affinity_field != newer.affinity_field {
            return Err(format!("type {} has another affinity key field", self.name));
        }
        if self.constants.is_some() != newer.constants.is_some() {
            return Err(format!("type {} is an enum, or is none", self.name));
        }
        let mut fields = self.fields.clone();
        for (name, code, id) in newer.fields {
            match fields.iter().find(|(_, _, known)| *known == id) {
                Some((_, known, _)) if !same_kind(*known, code) => {
                    return Err(format!("type {}: field {name} can not change its type from {known} to {code}", self.name));
                }
                Some(_) => {}
                None => fields.push((name, code, id)),
            }
        }
        self.fields = fields;
        self.schemas.extend(newer.schemas);
        if let (Some(known), Some(newer)) = (&mut self.constants, newer.constants) {
            known.extend(newer);
        }
        Ok(())
    }
}

/// All types of a cluster, and the classes that stand behind their ids.
#[derive(Debug, Default)]
pub struct Types {
    types: BTreeMap<i32, BinaryType>,
    classes: BTreeMap<(u8, i32), String>,
}

impl Types {
    /// `bool exists, [type]`
    pub fn tell(&self, id: i32) -> Vec<u8> {
        self.types.get(&id).map_or_else(|| vec![0], BinaryType::write)
    }

    pub fn put(&mut self, newer: BinaryType) -> Outcome {
        match self.types.get_mut(&newer.id) {
            Some(known) => known.merge(newer).map(|()| Vec::new()).map_err(|message| Refusal::new(1, message)),
            None => {
                self.types.insert(newer.id, newer);
                Ok(Vec::new())
            }
        }
    }

    pub fn class_name(&self, platform: u8, id: i32) -> Outcome {
        match self.classes.get(&(platform, id)) {
            Some(name) => Ok(wire::string(name)),
            None => Err(Refusal::new(1, format!("Unknown type id {id}"))),
        }
    }

    pub fn put_class_name(&mut self, platform: u8, id: i32, name: &str) -> Outcome {
        let known = self.classes.entry((platform, id)).or_insert_with(|| name.to_owned());
        if known == name {
            return Ok(vec![1]);
        }
        Err(Refusal::new(1, format!("type id {id} is taken by {known}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two answers of a real server: a class with three fields and an enum with three constants.
    const POJO: &str = "114a390409080000005372762450\
                        6f6a6f65030000000901000000610300000061000000090100000073090000007300000009010000006e030000006e000000\
                        0001000000f973c8370300000061000000730000006e000000";
    const ENUM: &str = "76feb9ca090600000053727624456e65000000000103000000090100000041000000000901000000420100000009010000\
                        004302000000\
                        00000000";

    fn bytes(hex: &str) -> Vec<u8> {
        let digits: Vec<_> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
        digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
    }

    #[test]
    fn what_was_put_is_told_as_a_server_tells_it() {
        for (hex, id) in [(POJO, 0x0439_4a11), (ENUM, 0xcab9_fe76_u32 as i32)] {
            let body = bytes(hex);
            let mut types = Types::default();
            assert_eq!(types.tell(id), [0]);
            let mut cursor = Cursor::new(&body);
            types.put(BinaryType::read(&mut cursor).unwrap()).unwrap();
            assert!(cursor.is_empty());
            assert_eq!(types.tell(id), [&[1][..], &body].concat());
        }
    }

    #[test]
    fn a_field_can_not_change_its_type() {
        let mut types = Types::default();
        let known = BinaryType::read(&mut Cursor::new(&bytes(POJO))).unwrap();
        types.put(known.clone()).unwrap();
        let mut newer = known.clone();
        newer.fields.push(("more".into(), 9, 5));
        newer.schemas.insert(7, vec![97, 5]);
        types.put(newer.clone()).unwrap();
        assert_eq!(types.types[&known.id].schemas.len(), 2);
        newer.fields[0].1 = 9;
        assert_eq!(types.put(newer).unwrap_err().status, 1);
    }
}
