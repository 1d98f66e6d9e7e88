//! The metrics of a server, by the names that older agents gave them, and where they come from.

use crate::model::{Declared, Unit};

/// What the server is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Status,
    Variables,
    Replica,
}

impl Answer {
    /// Without a condition.
    pub fn query(self) -> &'static str {
        match self {
            Self::Status => "SHOW GLOBAL STATUS",
            Self::Variables => "SHOW GLOBAL VARIABLES",
            Self::Replica => "SHOW REPLICA STATUS",
        }
    }
}

/// Which answer a metric comes from, and the names that it may have there. Its source says both, so that
/// the document cannot say something else: the query, a colon, and the names with `or` between them.
pub fn origin(metric: &Declared) -> (Answer, Vec<&'static str>) {
    let (query, rest) = metric.source.split_once(": ").unwrap_or_default();
    let answers = [Answer::Status, Answer::Variables];
    let answer = answers.into_iter().find(|answer| answer.query() == query);
    let end = rest.find([',', ':', ';']).unwrap_or(rest.len());
    let names = rest.get(..end).unwrap_or_default().split(" or ").collect();
    (answer.unwrap_or(Answer::Replica), names)
}

pub const METRICS: &[Declared] = &[
    counter("core.aborted_clients", Unit::Count, "SHOW GLOBAL STATUS: Aborted_clients"),
    counter("core.aborted_connects", Unit::Count, "SHOW GLOBAL STATUS: Aborted_connects"),
    counter(
        "core.connections",
        Unit::Count,
        "SHOW GLOBAL STATUS: Connections, those that failed included",
    ),
    counter("core.queries", Unit::Count, "SHOW GLOBAL STATUS: Queries"),
    gauge("core.uptime", Unit::Seconds, "SHOW GLOBAL STATUS: Uptime"),
    gauge(
        "threads.connected",
        Unit::Count,
        "SHOW GLOBAL STATUS: Threads_connected, the connection of this check included",
    )
    .headline(),
    gauge(
        "threads.running",
        Unit::Count,
        "SHOW GLOBAL STATUS: Threads_running, the query of this check included",
    ),
    gauge("threads.cached", Unit::Count, "SHOW GLOBAL STATUS: Threads_cached"),
    counter("threads.created", Unit::Count, "SHOW GLOBAL STATUS: Threads_created"),
    gauge("max.connections", Unit::Count, "SHOW GLOBAL VARIABLES: max_connections"),
    gauge(
        "thread.cache_size",
        Unit::Count,
        "SHOW GLOBAL VARIABLES: thread_cache_size: how many threads it may hold",
    ),
    gauge("key.buffer_size", Unit::Bytes, "SHOW GLOBAL VARIABLES: key_buffer_size"),
    counter("bytes.received", Unit::Bytes, "SHOW GLOBAL STATUS: Bytes_received"),
    counter("bytes.sent", Unit::Bytes, "SHOW GLOBAL STATUS: Bytes_sent"),
    counter("handler.commit", Unit::Count, "SHOW GLOBAL STATUS: Handler_commit"),
    counter("handler.delete", Unit::Count, "SHOW GLOBAL STATUS: Handler_delete"),
    counter("handler.read_first", Unit::Count, "SHOW GLOBAL STATUS: Handler_read_first"),
    counter("handler.read_key", Unit::Count, "SHOW GLOBAL STATUS: Handler_read_key"),
    counter("handler.read_next", Unit::Count, "SHOW GLOBAL STATUS: Handler_read_next"),
    counter("handler.read_prev", Unit::Count, "SHOW GLOBAL STATUS: Handler_read_prev"),
    counter("handler.read_rnd", Unit::Count, "SHOW GLOBAL STATUS: Handler_read_rnd"),
    counter("handler.read_rnd_next", Unit::Count, "SHOW GLOBAL STATUS: Handler_read_rnd_next"),
    counter("handler.rollback", Unit::Count, "SHOW GLOBAL STATUS: Handler_rollback"),
    counter("handler.savepoint", Unit::Count, "SHOW GLOBAL STATUS: Handler_savepoint"),
    counter(
        "handler.savepoint_rollback",
        Unit::Count,
        "SHOW GLOBAL STATUS: Handler_savepoint_rollback",
    ),
    counter("handler.update", Unit::Count, "SHOW GLOBAL STATUS: Handler_update"),
    counter("handler.write", Unit::Count, "SHOW GLOBAL STATUS: Handler_write"),
    gauge("innodb.buffer_pool_size", Unit::Bytes, "SHOW GLOBAL VARIABLES: innodb_buffer_pool_size"),
    gauge(
        "innodb.buffer_pool_pages_data",
        Unit::Pages,
        "SHOW GLOBAL STATUS: Innodb_buffer_pool_pages_data",
    ),
    gauge(
        "innodb.buffer_pool_pages_dirty",
        Unit::Pages,
        "SHOW GLOBAL STATUS: Innodb_buffer_pool_pages_dirty",
    ),
    gauge(
        "innodb.buffer_pool_pages_free",
        Unit::Pages,
        "SHOW GLOBAL STATUS: Innodb_buffer_pool_pages_free",
    ),
    gauge(
        "innodb.buffer_pool_pages_total",
        Unit::Pages,
        "SHOW GLOBAL STATUS: Innodb_buffer_pool_pages_total",
    ),
    counter(
        "innodb.buffer_pool_pages_flushed",
        Unit::Pages,
        "SHOW GLOBAL STATUS: Innodb_buffer_pool_pages_flushed",
    ),
    counter(
        "innodb.buffer_pool_read_requests",
        Unit::Count,
        "SHOW GLOBAL STATUS: Innodb_buffer_pool_read_requests",
    ),
    counter(
        "innodb.buffer_pool_reads",
        Unit::Count,
        "SHOW GLOBAL STATUS: Innodb_buffer_pool_reads",
    ),
    gauge(
        "innodb.data_pending_fsyncs",
        Unit::Count,
        "SHOW GLOBAL STATUS: Innodb_data_pending_fsyncs",
    ),
    gauge(
        "innodb.data_pending_reads",
        Unit::Count,
        "SHOW GLOBAL STATUS: Innodb_data_pending_reads",
    ),
    gauge(
        "innodb.data_pending_writes",
        Unit::Count,
        "SHOW GLOBAL STATUS: Innodb_data_pending_writes",
    ),
    gauge(
        "innodb.os_log_pending_fsyncs",
        Unit::Count,
        "SHOW GLOBAL STATUS: Innodb_os_log_pending_fsyncs",
    ),
    gauge(
        "innodb.os_log_pending_writes",
        Unit::Count,
        "SHOW GLOBAL STATUS: Innodb_os_log_pending_writes",
    ),
    counter("innodb.pages_created", Unit::Pages, "SHOW GLOBAL STATUS: Innodb_pages_created"),
    counter("innodb.pages_read", Unit::Pages, "SHOW GLOBAL STATUS: Innodb_pages_read"),
    counter("innodb.pages_written", Unit::Pages, "SHOW GLOBAL STATUS: Innodb_pages_written"),
    counter("innodb.row_lock_time", Unit::Milliseconds, "SHOW GLOBAL STATUS: Innodb_row_lock_time"),
    gauge(
        "innodb.row_lock_time_avg",
        Unit::Milliseconds,
        "SHOW GLOBAL STATUS: Innodb_row_lock_time_avg",
    ),
    gauge(
        "innodb.row_lock_time_max",
        Unit::Milliseconds,
        "SHOW GLOBAL STATUS: Innodb_row_lock_time_max",
    ),
    counter("innodb.row_lock_waits", Unit::Count, "SHOW GLOBAL STATUS: Innodb_row_lock_waits"),
    counter("innodb.rows_deleted", Unit::Count, "SHOW GLOBAL STATUS: Innodb_rows_deleted"),
    counter("innodb.rows_inserted", Unit::Count, "SHOW GLOBAL STATUS: Innodb_rows_inserted"),
    counter("innodb.rows_read", Unit::Count, "SHOW GLOBAL STATUS: Innodb_rows_read"),
    counter("innodb.rows_updated", Unit::Count, "SHOW GLOBAL STATUS: Innodb_rows_updated"),
    gauge("qcache.size", Unit::Bytes, "SHOW GLOBAL VARIABLES: query_cache_size"),
    gauge("qcache.free_blocks", Unit::Count, "SHOW GLOBAL STATUS: Qcache_free_blocks"),
    gauge("qcache.free_memory", Unit::Bytes, "SHOW GLOBAL STATUS: Qcache_free_memory"),
    counter("qcache.hits", Unit::Count, "SHOW GLOBAL STATUS: Qcache_hits"),
    counter("qcache.inserts", Unit::Count, "SHOW GLOBAL STATUS: Qcache_inserts"),
    counter("qcache.lowmem_prunes", Unit::Count, "SHOW GLOBAL STATUS: Qcache_lowmem_prunes"),
    counter("qcache.not_cached", Unit::Count, "SHOW GLOBAL STATUS: Qcache_not_cached"),
    gauge("qcache.queries_in_cache", Unit::Count, "SHOW GLOBAL STATUS: Qcache_queries_in_cache"),
    gauge("qcache.total_blocks", Unit::Count, "SHOW GLOBAL STATUS: Qcache_total_blocks"),
    text("replication.slave_running", "SHOW GLOBAL STATUS: Slave_running"),
    text(
        "replication.slave_io_running",
        "SHOW REPLICA STATUS: Replica_IO_Running or Slave_IO_Running",
    ),
    text(
        "replication.slave_sql_running",
        "SHOW REPLICA STATUS: Replica_SQL_Running or Slave_SQL_Running",
    ),
    text("replication.slave_io_state", "SHOW REPLICA STATUS: Replica_IO_State or Slave_IO_State"),
    gauge(
        "replication.seconds_behind_master",
        Unit::Seconds,
        "SHOW REPLICA STATUS: Seconds_Behind_Source or Seconds_Behind_Master",
    ),
    gauge(
        "replication.read_master_log_pos",
        Unit::Bytes,
        "SHOW REPLICA STATUS: Read_Source_Log_Pos or Read_Master_Log_Pos: bytes into the file of the log",
    ),
    gauge(
        "replication.exec_master_log_pos",
        Unit::Bytes,
        "SHOW REPLICA STATUS: Exec_Source_Log_Pos or Exec_Master_Log_Pos: the same",
    ),
    gauge("replication.relay_log_pos", Unit::Bytes, "SHOW REPLICA STATUS: Relay_Log_Pos: the same"),
    gauge(
        "replication.relay_log_size",
        Unit::Bytes,
        "SHOW REPLICA STATUS: Relay_Log_Space: all files of the relay log together",
    ),
    gauge("replication.last_errno", Unit::None, "SHOW REPLICA STATUS: Last_Errno; 0 for no error"),
    text("replication.last_error", "SHOW REPLICA STATUS: Last_Error, without the statement"),
    gauge(
        "replication.last_io_errno",
        Unit::None,
        "SHOW REPLICA STATUS: Last_IO_Errno; 0 for no error",
    ),
    text("replication.last_io_error", "SHOW REPLICA STATUS: Last_IO_Error"),
    gauge(
        "replication.slave_open_temp_tables",
        Unit::Count,
        "SHOW GLOBAL STATUS: Replica_open_temp_tables or Slave_open_temp_tables",
    ),
    counter(
        "replication.slave_retried_transactions",
        Unit::Count,
        "SHOW GLOBAL STATUS: Slave_retried_transactions",
    ),
];

const fn gauge(name: &'static str, unit: Unit, source: &'static str) -> Declared {
    Declared::gauge(name, unit, source)
}

const fn counter(name: &'static str, unit: Unit, source: &'static str) -> Declared {
    Declared::counter(name, unit, source)
}

const fn text(name: &'static str, source: &'static str) -> Declared {
    Declared::text(name, source)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_metric_has_a_query_and_names() {
        for metric in METRICS {
            let (answer, names) = origin(metric);
            assert!(metric.source.starts_with(answer.query()), "{}", metric.name);
            let is_name = |name: &&str| {
                !name.is_empty()
                    && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            };
            assert!(names.iter().all(is_name), "{}: {names:?}", metric.name);
        }
        let of = |name: &str| METRICS.iter().find(|of| of.name == name).map(origin);
        let running = vec!["Replica_IO_Running", "Slave_IO_Running"];
        assert_eq!(of("replication.slave_io_running"), Some((Answer::Replica, running)));
        assert_eq!(of("thread.cache_size"), Some((Answer::Variables, vec!["thread_cache_size"])));
    }
}
