//! One value on its way from a file to a database.

use bytes::BytesMut;
use rusqlite::types::ValueRef;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

type Refusal = Box<dyn std::error::Error + Sync + Send>;

/// As SQLite has it. The column that it goes to says what PostgreSQL makes of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Cell {
    Null,
    Integer(i64),
    Text(String),
    Bytes(Vec<u8>),
}

impl Cell {
    pub(crate) fn of(value: ValueRef<'_>) -> rusqlite::Result<Cell> {
        Ok(match value {
            ValueRef::Null => Cell::Null,
            ValueRef::Integer(number) => Cell::Integer(number),
            ValueRef::Text(_) => Cell::Text(value.as_str()?.to_owned()),
            ValueRef::Blob(bytes) => Cell::Bytes(bytes.to_owned()),
            // No column of ours holds one.
            ValueRef::Real(number) => Cell::Text(number.to_string()),
        })
    }

    /// Bytes that it takes on the way, about.
    pub(crate) fn weight(&self) -> usize {
        match self {
            Cell::Null | Cell::Integer(_) => 8,
            Cell::Text(text) => text.len(),
            Cell::Bytes(bytes) => bytes.len(),
        }
    }
}

impl ToSql for Cell {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Refusal> {
        match self {
            Cell::Null => Ok(IsNull::Yes),
            Cell::Integer(number) => match *ty {
                Type::BOOL => (*number != 0).to_sql(ty, out),
                Type::INT2 => i16::try_from(*number)?.to_sql(ty, out),
                Type::INT4 => i32::try_from(*number)?.to_sql(ty, out),
                Type::INT8 => number.to_sql(ty, out),
                _ => Err(format!("a number stands where {ty} is needed").into()),
            },
            Cell::Text(text) if *ty == Type::TEXT => text.to_sql(ty, out),
            Cell::Bytes(bytes) if *ty == Type::BYTEA => bytes.to_sql(ty, out),
            Cell::Text(_) => Err(format!("a text stands where {ty} is needed").into()),
            Cell::Bytes(_) => Err(format!("bytes stand where {ty} is needed").into()),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}
