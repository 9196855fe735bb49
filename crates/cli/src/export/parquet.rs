//! Rows as Parquet: gathered column by column, written as a row group when there are enough.

use crate::error::{CliError, plain};
use limpid_scope::export::{ColumnType, Table, Value};
use parquet::basic::{Compression, ConvertedType, Repetition, Type as Physical};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{Type, TypePtr};
use std::io::{self, Write};
use std::sync::Arc;

/// Rows in a group: as many as DuckDB reads at once. This bounds memory.
const GROUP: usize = 122_880;

/// Writes a Parquet file.
pub(super) struct Writer<R: 'static> {
    table: &'static Table<R>,
    columns: Vec<Gathered>,
    rows: usize,
    file: SerializedFileWriter<Box<dyn Write + Send>>,
}

/// The values of a column in this row group: those that are not null, and for each row whether it is one.
struct Gathered {
    values: Values,
    defined: Vec<i16>,
}

enum Values {
    Bool(Vec<bool>),
    Int(Vec<i64>),
    Text(Vec<ByteArray>),
}

/// A reader that went away is no failure.
pub(super) fn failure(name: &str, error: ParquetError) -> CliError {
    let source = match &error {
        ParquetError::External(source) => source.downcast_ref::<io::Error>(),
        _ => None,
    };
    match source {
        Some(source) if source.kind() == io::ErrorKind::BrokenPipe => CliError::BrokenPipe,
        Some(source) => CliError::run(name, plain(source)),
        None => CliError::run(name, error),
    }
}

impl<R> Writer<R> {
    pub(super) fn new(to: Box<dyn Write + Send>, table: &'static Table<R>) -> Result<Writer<R>, ParquetError> {
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_created_by(concat!("limpid ", env!("CARGO_PKG_VERSION")).to_owned())
            .build();
        let file = SerializedFileWriter::new(to, schema(table)?, Arc::new(properties))?;
        let columns = table.columns().map(|column| Gathered::new(column.kind)).collect();
        Ok(Writer { table, columns, rows: 0, file })
    }

    pub(super) fn push(&mut self, row: &R) -> Result<(), ParquetError> {
        for (column, gathered) in self.table.columns().zip(&mut self.columns) {
            gathered.push(column.value(row));
        }
        self.rows += 1;
        if self.rows >= GROUP { self.write_group() } else { Ok(()) }
    }

    pub(super) fn finish(mut self) -> Result<(), ParquetError> {
        if self.rows > 0 {
            self.write_group()?;
        }
        self.file.close().map(|_| ())
    }

    fn write_group(&mut self) -> Result<(), ParquetError> {
        let mut group = self.file.next_row_group()?;
        for gathered in &mut self.columns {
            let Some(mut writer) = group.next_column()? else { break };
            let defined = Some(gathered.defined.as_slice());
            match &gathered.values {
                Values::Bool(values) => writer.typed::<BoolType>().write_batch(values, defined, None)?,
                Values::Int(values) => writer.typed::<Int64Type>().write_batch(values, defined, None)?,
                Values::Text(values) => writer.typed::<ByteArrayType>().write_batch(values, defined, None)?,
            };
            writer.close()?;
            gathered.clear();
        }
        group.close()?;
        self.rows = 0;
        Ok(())
    }
}

impl Gathered {
    fn new(kind: ColumnType) -> Gathered {
        let values = match kind {
            ColumnType::Bool => Values::Bool(Vec::new()),
            ColumnType::Int => Values::Int(Vec::new()),
            ColumnType::Text => Values::Text(Vec::new()),
        };
        Gathered { values, defined: Vec::new() }
    }

    /// Appends a value; one of another type than the column's counts as null.
    fn push(&mut self, value: Value<'_>) {
        let defined = match (&mut self.values, value) {
            (Values::Bool(values), Value::Bool(value)) => {
                values.push(value);
                1
            }
            (Values::Int(values), Value::Int(value)) => {
                values.push(value);
                1
            }
            (Values::Text(values), Value::Text(value)) => {
                values.push(ByteArray::from(value.as_bytes().to_vec()));
                1
            }
            _ => 0,
        };
        self.defined.push(defined);
    }

    fn clear(&mut self) {
        self.defined.clear();
        match &mut self.values {
            Values::Bool(values) => values.clear(),
            Values::Int(values) => values.clear(),
            Values::Text(values) => values.clear(),
        }
    }
}

fn schema<R>(table: &Table<R>) -> Result<TypePtr, ParquetError> {
    let mut fields = Vec::new();
    for column in table.columns() {
        let (physical, converted) = match column.kind {
            ColumnType::Bool => (Physical::BOOLEAN, ConvertedType::NONE),
            ColumnType::Int => (Physical::INT64, ConvertedType::NONE),
            ColumnType::Text => (Physical::BYTE_ARRAY, ConvertedType::UTF8),
        };
        let field = Type::primitive_type_builder(column.name, physical)
            .with_repetition(Repetition::OPTIONAL)
            .with_converted_type(converted)
            .build()?;
        fields.push(Arc::new(field));
    }
    Ok(Arc::new(Type::group_type_builder("limpid").with_fields(fields).build()?))
}
