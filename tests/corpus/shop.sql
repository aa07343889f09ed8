-- What the statements of the corpus are about.
CREATE SCHEMA sales;
CREATE TYPE item_kind AS ENUM ('cold', 'warm');
CREATE TABLE customers (id int PRIMARY KEY, name text NOT NULL, city text, "Joined On" date);
CREATE TABLE orders (
    id int PRIMARY KEY, customer_id int REFERENCES customers, total numeric(12, 2), status text,
    created_at timestamp
);
CREATE TABLE items (
    order_id int REFERENCES orders, product text, quantity int, price numeric, kind item_kind, tags text[],
    details jsonb, "order" int, position int
);
CREATE TABLE sales.regions (id int PRIMARY KEY, name text);
CREATE TABLE sales.targets (region_id int REFERENCES sales.regions, amount numeric);
CREATE VIEW city_counts AS SELECT city, count(*) AS n FROM customers GROUP BY city;
CREATE MATERIALIZED VIEW city_counts_kept AS SELECT city, count(*) AS n FROM customers GROUP BY city;
CREATE SEQUENCE ticket;
INSERT INTO customers VALUES (1, 'Ada', 'Paris', '2024-02-01'), (2, 'Bob', 'Rome', '2023-05-05'), (3, 'Cy', 'Paris', NULL);
INSERT INTO orders VALUES (1, 1, 12.50, 'paid', '2024-01-05'), (2, 1, 3, 'open', '2024-02-06'), (3, 2, NULL, 'paid', '2024-02-07');
INSERT INTO items VALUES (1, 'cone', 2, 3.25, 'cold', '{new,best}', '{"size": "L", "a": {"b": 1}}', 1, 1), (1, 'cup', 1, 6, 'warm', '{}', '{}', 2, 2);
INSERT INTO sales.regions VALUES (1, 'North'), (2, 'South');
INSERT INTO sales.targets VALUES (1, 100), (2, 50);
REFRESH MATERIALIZED VIEW city_counts_kept;
