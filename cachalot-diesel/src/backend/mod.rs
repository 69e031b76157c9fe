//! What differs between the databases: for each what a connection answers about itself (`probe`), how
//! the catalog is read (`catalog`), and how rows become bytes and rows again (`rows`).

#[cfg(feature = "mysql")]
mod mysql;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "sqlite")]
mod sqlite;
