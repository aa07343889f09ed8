-- Statements that must never run. Each begins with `--!` and why it is here. The guard refuses every one;
-- the other layers (extended protocol, read-only transaction) are tried with them too, without the guard.
-- The tables are those of `tests/corpus/shop.sql`.

--! a write
INSERT INTO customers VALUES (9, 'Eve', 'Oslo', NULL)
--! a write
UPDATE orders SET total = 0
--! a write
DELETE FROM items
--! a write
MERGE INTO customers c USING orders o ON o.customer_id = c.id WHEN MATCHED THEN DELETE
--! a write behind a comment, which tools that look at the first word let through
/* harmless */ -- really
DELETE FROM items
--! a write inside a common table expression
WITH gone AS (DELETE FROM items RETURNING *) SELECT * FROM gone
--! a write inside a common table expression
WITH made AS (INSERT INTO customers VALUES (9, 'Eve', 'Oslo', NULL) RETURNING id) SELECT id FROM made
--! a write inside a nested common table expression
SELECT * FROM (WITH up AS (UPDATE orders SET total = 0 RETURNING id) SELECT id FROM up) x
--! a main statement that writes after WITH
WITH x AS (SELECT 1) INSERT INTO customers SELECT 9, 'Eve', 'Oslo', NULL
--! two statements
SELECT 1; SELECT 2
--! leaving the transaction first
COMMIT; DELETE FROM items; SELECT 1
--! leaving the transaction first, behind a query
SELECT 1; COMMIT; DELETE FROM items
--! a second statement hidden after a text that ends differently in other dialects
SELECT 'a\'; DELETE FROM items; --'
--! SELECT INTO makes a table
SELECT * INTO copy_of_orders FROM orders
--! ... also a temporary one
SELECT * INTO TEMP copy_of_orders FROM orders
--! making a table from a query
CREATE TABLE copy_of_orders AS SELECT * FROM orders
--! a temporary table
CREATE TEMP TABLE scratch (x int)
--! definitions
DROP TABLE orders
--! definitions
ALTER TABLE orders ADD COLUMN x int
--! definitions
TRUNCATE items
--! a function that could do anything later
CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'DELETE FROM items; SELECT 1'
--! locks rows
SELECT * FROM orders FOR UPDATE
--! locks rows
SELECT * FROM orders FOR KEY SHARE SKIP LOCKED
--! locks rows further in
SELECT * FROM (SELECT * FROM orders FOR NO KEY UPDATE) o
--! locks a table
LOCK TABLE orders IN ACCESS EXCLUSIVE MODE
--! a block of code
DO $$ BEGIN DELETE FROM items; END $$
--! reads or writes files, runs programs
COPY orders TO '/tmp/clean-custard-copy.csv'
--! reads or writes files, runs programs
COPY (SELECT 1) TO PROGRAM 'touch /tmp/clean-custard-copy-program'
--! reads or writes files, runs programs
COPY customers FROM PROGRAM 'echo 9,Eve,Oslo,'
--! copies out through the protocol
COPY orders TO STDOUT
--! runs the plan, and with it a write
EXPLAIN ANALYZE DELETE FROM items
--! even a plan is not a question's business
EXPLAIN SELECT * FROM orders
--! prepared statements hide text
PREPARE p AS DELETE FROM items
--! prepared statements hide text
EXECUTE p
--! cursors outlive a query
DECLARE c CURSOR WITH HOLD FOR SELECT * FROM orders
--! settings
SET statement_timeout = 0
--! settings
SET TRANSACTION READ WRITE
--! settings
SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE
--! settings
RESET ALL
--! settings
SET ROLE custard_admin
--! settings by function: would take away our time-out
SELECT set_config('statement_timeout', '0', false)
--! settings by function, quoted and qualified
SELECT "pg_catalog"."set_config"('transaction_read_only', 'off', false)
--! settings can hold secrets
SELECT current_setting('data_directory')
--! shows settings
SHOW ALL
--! waits
SELECT pg_sleep(3600)
--! waits, in FROM, where it is no expression
SELECT * FROM pg_sleep(3600)
--! waits, LATERAL
SELECT * FROM customers, LATERAL pg_sleep(3600)
--! waits, inside a CASE
SELECT CASE WHEN total > 0 THEN 1 ELSE 2 END FROM orders WHERE pg_sleep(3600) IS NOT NULL
--! waits, in ORDER BY
SELECT id FROM orders ORDER BY pg_sleep(3600)
--! waits, in LIMIT
SELECT id FROM orders LIMIT (SELECT 1 FROM pg_sleep(3600))
--! waits, in a window
SELECT sum(total) OVER (PARTITION BY pg_sleep(3600)) FROM orders
--! waits, in a named window
SELECT sum(total) OVER w FROM orders WINDOW w AS (PARTITION BY pg_sleep(3600))
--! waits, in FILTER
SELECT count(*) FILTER (WHERE pg_sleep(3600) IS NULL) FROM orders
--! waits, in VALUES
VALUES (1, pg_sleep(3600))
--! waits, in a join condition
SELECT 1 FROM orders o JOIN items i ON pg_sleep(3600) IS NULL
--! waits, in an index
SELECT tags[pg_sleep(3600)::text::int] FROM items
--! waits, in an argument's order
SELECT string_agg(status, ',' ORDER BY pg_sleep(3600)) FROM orders
--! waits, in an array
SELECT ARRAY[pg_sleep(3600)]
--! waits, in grouping sets
SELECT count(*) FROM orders GROUP BY GROUPING SETS ((pg_sleep(3600)::text))
--! waits, in DISTINCT ON
SELECT DISTINCT ON (pg_sleep(3600)) id FROM orders
--! waits, for each row of rows made for it
SELECT * FROM ROWS FROM (pg_sleep(3600)) AS t
--! waits, spelled with Unicode escapes
SELECT U&"pg\005fsleep"(3600)
--! locks that outlive the transaction
SELECT pg_advisory_lock(1)
--! locks
SELECT pg_try_advisory_xact_lock(1)
--! talks to other sessions
SELECT pg_notify('x', 'y')
--! listens
LISTEN x
--! ends other sessions
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
--! files
SELECT pg_read_file('/etc/passwd')
--! files, in FROM
SELECT * FROM pg_read_file('/etc/passwd')
--! files
SELECT * FROM pg_ls_dir('.')
--! large objects
SELECT lo_create(0)
--! large objects from files
SELECT lo_import('/etc/passwd')
--! large objects to files
SELECT lo_export(1, '/tmp/clean-custard-lo')
--! large objects
SELECT lo_from_bytea(0, 'x')
--! moves a sequence
SELECT nextval('ticket')
--! moves a sequence
SELECT setval('ticket', 100)
--! runs SQL given as text
SELECT query_to_xml('DELETE FROM items', true, false, '')
--! runs SQL given as text
SELECT * FROM ts_stat('SELECT 1')
--! other servers
SELECT * FROM dblink('host=127.0.0.1', 'SELECT 1') AS t(x int)
--! changes the server
SELECT pg_reload_conf()
--! changes the catalog
SELECT pg_import_system_collations('public')
--! system catalogs: passwords
SELECT rolname, rolpassword FROM pg_authid
--! system catalogs: passwords
SELECT * FROM pg_catalog.pg_shadow
--! system catalogs: other people's queries
SELECT query FROM pg_stat_activity
--! system catalogs
SELECT * FROM information_schema.tables
--! system catalogs, quoted, with capitals
SELECT * FROM "PG_CATALOG".pg_user
--! looks objects up by a cast
SELECT 'pg_authid'::regclass
--! looks objects up by a cast
SELECT CAST('pg_read_file' AS regproc)
--! ONLY is misread as a table's name
SELECT * FROM ONLY orders
--! TABLE is a query that the parser does not keep exactly
TABLE orders
--! ... also behind WITH
WITH x AS (TABLE orders) SELECT * FROM x
--! an operator by its schema could be anybody's
SELECT 1 OPERATOR(pg_catalog.+) 1
--! a sampling method could be anybody's
SELECT * FROM orders TABLESAMPLE SYSTEM (50)
--! a function of the database's own
SELECT public.my_function(1)
--! a function nobody knows
SELECT my_function(total) FROM orders
--! a function by another schema
SELECT other.lower(name) FROM customers
--! a quoted name is not folded: this is not lower()
SELECT "LOWER"(name) FROM customers
--! placeholders have no value
SELECT $1
--! other dialects' syntax
SELECT TOP 5 * FROM orders
--! other dialects' syntax
SELECT * FROM orders LIMIT 5, 10
--! other dialects' syntax
FROM orders SELECT *
--! other dialects' syntax
SELECT * EXCLUDE (total) FROM orders
--! other dialects' syntax
SELECT * FROM orders |> WHERE total > 1
--! other dialects' syntax
SELECT * FROM orders SETTINGS max_threads = 1
--! administration
VACUUM orders
--! administration
ANALYZE orders
--! administration
REFRESH MATERIALIZED VIEW city_counts_kept
--! administration
CALL something()
--! administration
GRANT ALL ON orders TO PUBLIC
--! administration
REINDEX TABLE orders
--! administration
CHECKPOINT
--! administration
LOAD 'auto_explain'
--! administration
DISCARD ALL
--! administration
CREATE EXTENSION dblink
--! administration
ALTER SYSTEM SET fsync = off
--! administration
SECURITY LABEL ON TABLE orders IS 'x'
--! administration
COMMENT ON TABLE orders IS 'x'
--! transactions
BEGIN
--! transactions
ROLLBACK
--! transactions
PREPARE TRANSACTION 'x'
--! nothing at all
;
--! only a comment
-- nothing
--! an end without a beginning
SELECT ) FROM orders
--! a text that does not end
SELECT 'abc
--! a comment that does not end
SELECT 1 /* abc

--! a write that gives rows back
INSERT INTO customers VALUES (9, 'Eve', 'Oslo', NULL) RETURNING *
--! a write that gives rows back, in a materialized common table expression
WITH up AS MATERIALIZED (UPDATE orders SET total = 0 RETURNING *) SELECT count(*) FROM up
--! a write in the recursive part
WITH RECURSIVE r AS (SELECT 1 UNION ALL DELETE FROM items RETURNING 1) SELECT * FROM r
--! a write between comments that are nested in one dialect only
SELECT /* /* */ 1; DELETE FROM items; -- */ */ 1
--! a write in a text in dollars
DO $a$ BEGIN EXECUTE 'DELETE FROM items'; END $a$ LANGUAGE plpgsql
--! a write after a savepoint
SAVEPOINT a; DELETE FROM items; RELEASE a
--! transactions
ABORT
--! transactions
START TRANSACTION READ WRITE
--! transactions
END; DELETE FROM items
--! transactions
COMMIT AND CHAIN
--! settings
SET LOCAL transaction_read_only = off
--! settings
SET SESSION AUTHORIZATION DEFAULT
--! settings
RESET SESSION AUTHORIZATION
--! settings, one that decides what names mean
SET search_path = pg_catalog, sales
--! settings by function, in FROM
SELECT * FROM set_config('statement_timeout', '0', false)
--! settings by function, as an argument
SELECT coalesce(set_config('lock_timeout', '0', false), 'x')
--! settings by function, by an escaped name
SELECT U&"set\005fconfig"('statement_timeout', '0', false)
--! settings by function, with a comment inside the call
SELECT set_config/* */('statement_timeout', '0', false)
--! settings by updating the view of them
UPDATE pg_settings SET setting = '0' WHERE name = 'statement_timeout'
--! waits
SELECT pg_sleep_for('1 hour')
--! waits
SELECT pg_sleep_until(now() + interval '1 hour')
--! locks
SELECT pg_advisory_lock_shared(1), pg_try_advisory_lock(2)
--! talks to other sessions
NOTIFY x, 'y'
--! talks to other sessions
UNLISTEN *
--! ends other sessions' queries
SELECT pg_cancel_backend(1)
--! files
SELECT pg_read_binary_file('/etc/passwd')
--! files, as JSON
SELECT to_json(pg_read_file('/etc/passwd'))
--! files
SELECT * FROM pg_stat_file('/etc/passwd')
--! files
SELECT pg_ls_logdir(), pg_ls_waldir(), pg_ls_tmpdir()
--! files
SELECT pg_current_logfile()
--! files, into a table
COPY customers FROM '/etc/passwd'
--! large objects
SELECT lo_put(1, 0, 'x')
--! large objects
SELECT lo_unlink(1)
--! large objects
SELECT loread(lo_open(1, 262144), 100)
--! tells what others did to a sequence
SELECT currval('ticket'), lastval()
--! runs SQL given as text
SELECT table_to_xml('pg_authid', true, false, ''), schema_to_xml('public', true, false, '')
--! runs SQL given as text
SELECT database_to_xml(true, false, '')
--! runs SQL given as text
SELECT cursor_to_xml('c', 10, true, false, '')
--! writes on another connection, and stays
SELECT dblink_exec('dbname=postgres', 'DELETE FROM items')
--! writes on another connection, behind a query
SELECT * FROM dblink('dbname=postgres', 'DELETE FROM items RETURNING 1') AS t(x int)
--! changes the server
SELECT pg_switch_wal()
--! changes the server
SELECT pg_create_restore_point('x')
--! changes the server
SELECT pg_logical_emit_message(false, 'x', 'y')
--! changes the server
SELECT pg_rotate_logfile(), pg_stat_reset()
--! changes the server
SELECT pg_create_physical_replication_slot('x')
--! takes a transaction's number
SELECT txid_current(), pg_current_xact_id()
--! keeps a snapshot
SELECT pg_export_snapshot()
--! sets what the next random number is
SELECT setseed(0.5)
--! the source of functions and views
SELECT pg_get_functiondef(1), pg_get_viewdef('city_counts')
--! definitions
CREATE UNLOGGED TABLE x (y int)
--! definitions
CREATE MATERIALIZED VIEW x AS SELECT 1
--! definitions
CREATE RULE r AS ON INSERT TO orders DO INSTEAD NOTHING
--! definitions
CREATE TRIGGER t AFTER INSERT ON orders EXECUTE FUNCTION f()
--! definitions
CREATE ROLE eve SUPERUSER LOGIN
--! definitions
ALTER ROLE custard_reader SUPERUSER
--! definitions
ALTER DATABASE postgres SET default_transaction_read_only = off
--! definitions
ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO PUBLIC
--! definitions
CREATE SCHEMA x CREATE TABLE y (z int)
--! other servers
CREATE SERVER s FOREIGN DATA WRAPPER postgres_fdw
--! other servers
IMPORT FOREIGN SCHEMA public FROM SERVER s INTO public
--! administration
CLUSTER orders
--! administration
REASSIGN OWNED BY custard_reader TO custard_admin
--! locks rows, in one side of a set operation
(SELECT id FROM orders FOR SHARE) UNION SELECT 1
--! locks rows inside an expression
SELECT (SELECT id FROM orders LIMIT 1 FOR UPDATE)
--! locks rows in an EXISTS
SELECT 1 WHERE EXISTS (SELECT 1 FROM orders FOR UPDATE NOWAIT)
--! runs the plan, with options
EXPLAIN (ANALYZE, FORMAT JSON) UPDATE orders SET total = 0
--! cursors
FETCH ALL FROM c
--! cursors
MOVE FORWARD 1 FROM c
--! looks objects up by a cast
SELECT 'pg_read_file(text)'::regprocedure
--! looks objects up by a cast to an array
SELECT '{pg_authid}'::regclass[]
--! looks objects up by a typed text
SELECT regclass 'pg_authid'
--! a system catalog beside a common table expression
WITH x AS (SELECT 1) SELECT * FROM pg_authid
--! a system catalog in an IN
SELECT id FROM customers WHERE name IN (SELECT rolname FROM pg_roles)
--! a system catalog by an escaped name
SELECT * FROM U&"pg\005fauthid"
--! XML could fetch its parts from elsewhere
SELECT xmlparse(document '<!DOCTYPE x SYSTEM "file:///etc/passwd"><x/>')
--! XML from a query
SELECT xmlforest(name) FROM customers
--! rows of functions side by side
SELECT * FROM ROWS FROM (generate_series(1, 2), pg_ls_dir('.')) AS t(a, b)
