use std::num::NonZeroU32;

use diesel::{
    QueryResult,
    expression::QueryMetadata,
    pg::{Pg, PgMetadataLookup, PgTypeMetadata, PgValue},
    query_builder::{QueryFragment, bind_collector::RawBytesBindCollector},
    result::Error,
    row::Row,
};

use crate::rows::{
    CacheBackend, StoredRows, Unstorable, private,
    view::{self, RawBytes, ViewCursor, ViewRow},
};
use cachalot_sql::{Dialect, connection::volatile_date};

impl private::Sealed for Pg {}

impl CacheBackend for Pg {
    fn dialect() -> Dialect {
        Dialect::Postgres
    }

    /// The binary protocol is the same on every machine.
    fn fingerprint_abi(_fingerprint: &mut private::Key) {}

    fn fingerprint_binds<Q: QueryFragment<Self>>(
        query: &Q,
        lookup: &mut (dyn PgMetadataLookup + 'static),
        fingerprint: &mut private::Key,
        keep: bool,
    ) -> QueryResult<private::Binds> {
        let mut binds = RawBytesBindCollector::<Self>::new();
        query.collect_binds(&mut binds, lookup, &Self)?;
        let mut found = private::Binds::default();
        for (metadata, bytes) in binds.metadata.iter().zip(&binds.binds) {
            let oid = oid(metadata)?;
            fingerprint
                .0
                .number(u64::from(oid) << 1 | u64::from(bytes.is_some()));
            let bytes = bytes.as_deref().unwrap_or_default();
            fingerprint.0.part(bytes);
            found.time_dependent |= volatile_date(bytes).is_some();
        }
        if keep {
            found.kept = kept_binds(binds)?;
        }
        Ok(found)
    }

    fn binds<Q: QueryFragment<Self>>(
        query: &Q,
        lookup: &mut (dyn PgMetadataLookup + 'static),
        (): &mut (),
    ) -> QueryResult<Vec<private::Bind>> {
        let mut binds = RawBytesBindCollector::<Self>::new();
        query.collect_binds(&mut binds, lookup, &Self)?;
        kept_binds(binds)
    }

    /// The server sends each column in its own type, whatever the caller requests.
    fn fingerprint_result<ST>(_fingerprint: &mut private::Key)
    where
        Self: QueryMetadata<ST>,
    {
    }

    fn append_row<'r, R: Row<'r, Self>>(
        row: &R,
        _: &private::ExpectedTypes,
        block: &mut private::Writer,
    ) -> Result<(), Unstorable> {
        view::append_row(row, &mut block.0)
    }

    type Reader = ();
    type StoredRow<'r> = ViewRow<Self>;
    type StoredCursor<'r> = ViewCursor<Self>;

    fn cursor(rows: StoredRows, (): &mut ()) -> Option<ViewCursor<Self>> {
        view::cursor(rows)
    }

    fn with_reader<T>(run: impl FnOnce(&mut ()) -> T) -> T {
        run(&mut ())
    }
}

fn kept_binds(binds: RawBytesBindCollector<Pg>) -> QueryResult<Vec<private::Bind>> {
    let typed = binds.metadata.iter().zip(binds.binds);
    let typed = typed.map(|(metadata, value)| {
        let type_code = oid(metadata)?;
        Ok(private::Bind { type_code, value })
    });
    typed.collect()
}

fn oid(metadata: &PgTypeMetadata) -> QueryResult<u32> {
    let oid = metadata.oid();
    oid.map_err(|error| Error::SerializationError(Box::new(error)))
}

impl RawBytes for Pg {
    fn type_code(value: &PgValue<'_>) -> u32 {
        value.get_oid().get()
    }

    fn bytes<'v>(value: &'v PgValue<'_>) -> &'v [u8] {
        value.as_bytes()
    }

    fn value<'v>(bytes: &'v [u8], oid: &'v NonZeroU32) -> Option<PgValue<'v>> {
        Some(PgValue::new(bytes, oid))
    }
}
