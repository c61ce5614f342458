/** The database's schema, version by version. */
import type { DatabaseSync } from "node:sqlite"

/** `Loop`: marks a SQLite file as Looper's (sqlite.org/fileformat.html, "Application ID"). */
export const applicationId = 0x4c6f6f70

/**
 * One text a version, in order: the first makes version 1. A text that was released is never changed.
 *
 * **Units** `_at` columns are milliseconds since the epoch, `_ms` columns milliseconds.
 */
export const migrations: ReadonlyArray<string> = [
  `CREATE TABLE runs (
    request_id TEXT PRIMARY KEY,
    state TEXT NOT NULL,
    cause TEXT,
    return_code,
    error TEXT,
    started_at INTEGER NOT NULL,
    ended_at INTEGER,
    duration_ms REAL,
    workspace TEXT NOT NULL,
    log_name TEXT NOT NULL,
    log_bytes INTEGER,
    is_log_pruned INTEGER NOT NULL DEFAULT 0,
    identity TEXT,
    stopped_by TEXT,
    is_inferred INTEGER NOT NULL DEFAULT 0
  );
  CREATE INDEX runs_by_start ON runs (started_at, request_id);
  CREATE INDEX runs_by_state ON runs (state, started_at, request_id);
  CREATE TABLE steps (
    request_id TEXT NOT NULL,
    step TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    ended_at INTEGER,
    result TEXT,
    PRIMARY KEY (request_id, step)
  );`,
  `CREATE TABLE autopoll (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    is_paused INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    not_before_ms REAL NOT NULL,
    boot_id TEXT NOT NULL
  );
  CREATE TABLE answers (
    route TEXT NOT NULL,
    key TEXT NOT NULL,
    body_hash TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    status INTEGER,
    headers TEXT,
    body TEXT,
    PRIMARY KEY (route, key)
  );
  CREATE INDEX answers_by_age ON answers (created_at);`,
  `ALTER TABLE autopoll ADD COLUMN counted_run TEXT NOT NULL DEFAULT '';`,
  `DROP INDEX answers_by_age;
  ALTER TABLE answers ADD COLUMN boot_id TEXT NOT NULL DEFAULT '';
  ALTER TABLE answers ADD COLUMN created_ms REAL NOT NULL DEFAULT 0;`,
  `ALTER TABLE runs ADD COLUMN operation TEXT;
  ALTER TABLE runs ADD COLUMN reason TEXT;`,
  `ALTER TABLE steps ADD COLUMN detail TEXT;`
]

/** Brings a file from `version` to the newest; each step and its number are one transaction. */
export const migrate = (database: DatabaseSync, version: number, texts = migrations): void => {
  for (const [index, text] of texts.entries()) {
    if (index < version) continue
    database.exec("BEGIN IMMEDIATE")
    try {
      database.exec(`${text}; PRAGMA application_id = ${applicationId}; PRAGMA user_version = ${index + 1}; COMMIT`)
    } catch (error) {
      if (database.isTransaction) database.exec("ROLLBACK")
      throw error
    }
  }
}
