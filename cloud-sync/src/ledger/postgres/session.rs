//! The ledger's statements on PostgreSQL: sent from a thread of their own over a connection that the
//! pool's runtime drives.
//!
//! What needs no answer is sent without waiting for one, and so costs no round trip; whether it went
//! well is known when the session settles. After a failure the server refuses everything else of the
//! transaction, so that nothing can be built on it.

use std::cell::{Cell, RefCell};
use std::error::Error as StdError;
use std::pin::Pin;
use std::time::Duration;

use bytes::BytesMut;
use deadpool_postgres::ClientWrapper;
use futures_util::FutureExt as _;
use tokio::runtime::Handle;
use tokio_postgres::Statement;
use tokio_postgres::types::{Format, IsNull, ToSql, Type, to_sql_checked};

use crate::ledger::LedgerError;
use crate::ledger::connection::{Batch, Connection, Each, Row, Take, Value};

type Encoding = Result<IsNull, Box<dyn StdError + Sync + Send>>;
type Sent<'c> = Pin<Box<dyn Future<Output = Result<(), tokio_postgres::Error>> + Send + 'c>>;

/// Longer than the server lets any statement run.
const ANSWER: Duration = Duration::from_secs(20);

/// A transaction, or what leads to one, on one connection.
pub(super) struct Session<'c> {
    client: &'c ClientWrapper,
    handle: &'c Handle,
    sent: RefCell<Vec<Sent<'c>>>,
    silent: Cell<bool>,
}

impl<'c> Session<'c> {
    pub(super) fn new(client: &'c ClientWrapper, handle: &'c Handle) -> Self {
        Self {
            client,
            handle,
            sent: RefCell::default(),
            silent: Cell::new(false),
        }
    }

    /// Sends a command without waiting for its answer.
    pub(super) fn send(&self, command: &'static str) {
        self.send_on(Box::pin(self.client.batch_execute(command)));
    }

    /// Sends a statement without waiting for its answer.
    pub(super) fn send_with<P>(&self, sql: &str, values: Vec<P>) -> Result<(), LedgerError>
    where
        P: ToSql + Sync + Send + 'c,
    {
        let statement = self.prepared(sql)?;
        let client = self.client;
        self.send_on(Box::pin(async move {
            let values: Vec<&(dyn ToSql + Sync)> = values.iter().map(|value| value as _).collect();
            client.execute(&statement, &values).await.map(|_| ())
        }));
        Ok(())
    }

    /// A request goes out when its future is first polled.
    fn send_on(&self, mut sending: Sent<'c>) {
        match sending.as_mut().now_or_never() {
            None => self.sent.borrow_mut().push(sending),
            Some(ended) => self
                .sent
                .borrow_mut()
                .push(Box::pin(std::future::ready(ended))),
        }
    }

    /// Waits for the answers to all that was sent; the first failure, if there was one.
    pub(super) fn settle(&self) -> Result<(), LedgerError> {
        let sent = self.sent.take();
        if sent.is_empty() {
            return Ok(());
        }
        self.wait(async {
            let mut settled = Ok(());
            for sent in sent {
                let ended = sent.await;
                settled = settled.and(ended);
            }
            settled
        })
    }

    /// Whether the connection is of no use any more. What is still on its way may come at any time.
    pub(super) fn is_broken(&self) -> bool {
        self.silent.get() || self.client.is_closed()
    }

    /// Waits for the server, but not for ever: it may be frozen while its machine still answers.
    fn wait<T>(
        &self,
        answer: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, LedgerError> {
        let answer = async { tokio::time::timeout(ANSWER, answer).await };
        match self.handle.block_on(answer) {
            Ok(answer) => Ok(answer?),
            Err(_) => {
                self.silent.set(true);
                let told = format!("no answer within {} s", ANSWER.as_secs());
                Err(LedgerError::Away(told))
            }
        }
    }

    fn prepared(&self, sql: &str) -> Result<Statement, LedgerError> {
        self.wait(self.client.prepare_cached(sql))
    }

    fn rows<P: ToSql + Sync>(
        &self,
        sql: &str,
        values: &[P],
        take: Take<'_>,
    ) -> Result<(), LedgerError> {
        let values: Vec<&(dyn ToSql + Sync)> = values.iter().map(|value| value as _).collect();
        #[cfg(test)]
        self.explain(sql, &values);
        let rows = self.wait(async {
            let statement = self.client.prepare_cached(sql).await?;
            self.client.query(&statement, &values).await
        })?;
        rows.iter().try_for_each(|row| take(&Row::Postgres(row)))
    }

    /// Lets a test see how the server would run what this thread asks.
    #[cfg(test)]
    fn explain(&self, sql: &str, values: &[&(dyn ToSql + Sync)]) {
        super::plans::note(|| {
            let explain = format!("EXPLAIN {sql}");
            let lines = self.handle.block_on(self.client.query(&explain, values));
            let lines = lines.unwrap();
            let lines = lines.iter().map(|line| line.get::<_, String>(0));
            lines.collect::<Vec<_>>().join("\n")
        });
    }
}

impl Connection for Session<'_> {
    fn execute(&self, sql: &str, values: &[Value<'_>]) -> Result<u64, LedgerError> {
        let values: Vec<&(dyn ToSql + Sync)> = values.iter().map(|value| value as _).collect();
        let sql = numbered(sql);
        self.wait(async {
            let statement = self.client.prepare_cached(&sql).await?;
            self.client.execute(&statement, &values).await
        })
    }

    fn query(&self, sql: &str, values: &[Value<'_>], take: Take<'_>) -> Result<(), LedgerError> {
        self.rows(&numbered(sql), values, take)
    }

    fn execute_each(&self, statement: &Each, batch: &Batch<'_>) -> Result<(), LedgerError> {
        if batch.is_empty() {
            return Ok(());
        }
        let prepared = self.prepared(statement.all)?;
        let columns = batch.columns().zip(prepared.params());
        let encoded = columns.map(|(column, kind)| Encoded::new(&column, kind));
        self.send_with(statement.all, encoded.collect::<Result<Vec<_>, _>>()?)
    }

    fn query_each(
        &self,
        statement: &Each,
        batch: &Batch<'_>,
        take: Take<'_>,
    ) -> Result<(), LedgerError> {
        if batch.is_empty() {
            return Ok(());
        }
        let columns: Vec<Vec<Value<'_>>> = batch.columns().collect();
        self.rows(statement.all, &columns, take)
    }
}

/// Places of values as the server writes them.
fn numbered(sql: &str) -> String {
    sql.replace('?', "$")
}

impl ToSql for Value<'_> {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Encoding {
        match (*self, ty) {
            (Self::Null, _) => Ok(IsNull::Yes),
            (Self::Flag(flag), &Type::BOOL) => flag.to_sql(ty, out),
            (Self::Number(number), &Type::INT8) => number.to_sql(ty, out),
            // The one character that the server can't keep in a text.
            (Self::Text(text), &Type::TEXT) if text.contains('\0') => {
                text.replace('\0', "\u{fffd}").to_sql(ty, out)
            }
            (Self::Text(text), &Type::TEXT) => text.to_sql(ty, out),
            (Self::Bytes(bytes), &Type::BYTEA) => bytes.to_sql(ty, out),
            (other, _) => Err(format!("{other:?} does not fit a {ty}").into()),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// Values as they go over the wire, so that nothing is borrowed while they are on their way.
#[derive(Debug)]
struct Encoded(BytesMut);

impl Encoded {
    fn new(column: &Vec<Value<'_>>, kind: &Type) -> Result<Self, LedgerError> {
        let mut bytes = BytesMut::new();
        column
            .to_sql(kind, &mut bytes)
            .map_err(|error| LedgerError::Storage(error.to_string()))?;
        Ok(Self(bytes))
    }
}

impl ToSql for Encoded {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Encoding {
        out.extend_from_slice(&self.0);
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, _: &Type) -> Format {
        Format::Binary
    }

    to_sql_checked!();
}
