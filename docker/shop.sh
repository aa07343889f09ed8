#!/bin/sh
# Fills the example database of compose.yaml: a small shop, and a role that can only read it.
# The image of PostgreSQL runs this once, when its volume is empty.
set -eu

psql -v ON_ERROR_STOP=1 -v password="$SHOP_READER_PASSWORD" \
  --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
CREATE TABLE customers (
  id bigint PRIMARY KEY,
  name text NOT NULL,
  city text NOT NULL
);
CREATE TABLE orders (
  id bigint PRIMARY KEY,
  customer_id bigint NOT NULL REFERENCES customers (id),
  ordered_at timestamptz NOT NULL,
  total numeric(10, 2) NOT NULL
);
COMMENT ON COLUMN orders.total IS 'in euros, with tax';

INSERT INTO customers
SELECT n, 'Customer ' || n, (ARRAY['Berlin', 'Paris', 'Madrid', 'Rome'])[1 + n % 4]
FROM generate_series(1, 200) AS n;

INSERT INTO orders
SELECT n, 1 + (n * 7919) % 200, date_trunc('day', now()) - (n % 730) * interval '1 day' + (n % 600) * interval '1 minute',
       5 + (n * 104729 % 9500) / 100.0
FROM generate_series(1, 5000) AS n;

ANALYZE;

CREATE ROLE reader LOGIN PASSWORD :'password';
GRANT USAGE ON SCHEMA public TO reader;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader;
ALTER ROLE reader SET default_transaction_read_only = on;
SQL
