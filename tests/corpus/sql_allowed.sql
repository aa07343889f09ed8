-- Queries that have to pass the guard and the name check, and run on PostgreSQL. Each begins with `--!` and
-- why it is here. The tables are those of `tests/corpus/shop.sql`.

--! the plainest query
SELECT * FROM customers
--! a trailing semicolon is not a second statement
SELECT id FROM customers;
--! comments before, inside and after
/* first */ SELECT id -- the id
FROM customers /* all of /* them */ */
--! a keyword of writing as text is only text
SELECT 'DROP TABLE customers; DELETE FROM orders' AS warning, count(*) FROM orders
--! ... and as a column alias
SELECT status AS "update", total AS "delete" FROM orders
--! quotes, doubled quotes and backslashes in text stay what they are
SELECT 'it''s', 'a\', 'a\''b', E'tab\there', $$dollar 'quoted'$$, $tag$with $$ inside$tag$, U&'\00e9'
--! two signs in a row do not become a comment
SELECT - -1, - (-total), + -total FROM orders
--! names that differ in case alone are found
SELECT O.TOTAL, Customers.Name FROM ORDERS o JOIN Customers ON Customers.ID = O.Customer_Id
--! a name with capitals and blanks, quoted or with the wrong case
SELECT "Joined On", c."joined on" FROM customers c WHERE "JOINED ON" > DATE '2024-01-01'
--! another schema, bare and qualified
SELECT regions.name, sales.regions.id FROM regions JOIN sales.targets t ON t.region_id = regions.id
--! aggregates with FILTER and DISTINCT
SELECT count(DISTINCT customer_id), sum(total) FILTER (WHERE status = 'paid'), string_agg(status, ', ' ORDER BY status) FROM orders
--! output names in GROUP BY and ORDER BY
SELECT date_trunc('month', created_at) AS month, sum(total) AS revenue FROM orders GROUP BY month ORDER BY revenue DESC NULLS LAST
--! ordinals
SELECT status, count(*) FROM orders GROUP BY 1 HAVING count(*) > 0 ORDER BY 2 DESC, 1
--! windows, named and not
SELECT id, rank() OVER (PARTITION BY customer_id ORDER BY total DESC), lag(total, 1, 0) OVER w, sum(total) OVER (w ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) FROM orders WINDOW w AS (ORDER BY created_at)
--! common table expressions, one using the other, with column names
WITH paid(order_id, amount) AS (SELECT id, total FROM orders WHERE status = 'paid'), big AS (SELECT * FROM paid WHERE amount > 10) SELECT count(*), max(big.amount) FROM big
--! a recursive one
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10) SELECT sum(i) FROM n
--! a recursive walk over a table
WITH RECURSIVE chain AS (SELECT id, customer_id, 1 AS depth FROM orders WHERE id = 1 UNION ALL SELECT o.id, o.customer_id, chain.depth + 1 FROM orders o JOIN chain ON o.id = chain.id + 1 WHERE depth < 5) SELECT max(depth) FROM chain
--! a common table expression may be called like a table
WITH orders AS (SELECT 1 AS one) SELECT one FROM orders
--! correlated subqueries
SELECT name, (SELECT max(total) FROM orders WHERE customer_id = customers.id) FROM customers WHERE EXISTS (SELECT 1 FROM orders o WHERE o.customer_id = customers.id AND o.status = 'paid')
--! LATERAL sees the tables before it
SELECT c.name, last.total FROM customers c LEFT JOIN LATERAL (SELECT total FROM orders o WHERE o.customer_id = c.id ORDER BY created_at DESC LIMIT 1) last ON true
--! a derived table, its columns renamed
SELECT s.who, s.n FROM (SELECT customer_id, count(*) FROM orders GROUP BY customer_id) AS s(who, n) WHERE s.n > 0
--! an unnamed output is called like its function
SELECT s.count, sum FROM (SELECT count(*), sum(total) FROM orders) s
--! USING and NATURAL merge columns
SELECT order_id, sum(quantity * price) FROM items JOIN (SELECT id AS order_id, status FROM orders) o USING (order_id) WHERE order_id > 0 GROUP BY order_id
--! self join
SELECT a.name, b.name FROM customers a JOIN customers b ON a.city = b.city AND a.id < b.id
--! outer joins of all kinds
SELECT count(*) FROM customers c LEFT JOIN orders o ON o.customer_id = c.id AND o.status = 'paid' FULL OUTER JOIN items i ON i.order_id = o.id CROSS JOIN sales.regions r
--! joins in parentheses
SELECT count(*) FROM customers c JOIN (orders o JOIN items i ON i.order_id = o.id) ON o.customer_id = c.id
--! set operations, ordered by an output
SELECT city AS place FROM customers UNION SELECT name FROM sales.regions EXCEPT SELECT 'nowhere' INTERSECT ALL SELECT 'x' ORDER BY place LIMIT 5 OFFSET 1
--! VALUES
VALUES (1, 'a'), (2, 'b')
--! VALUES in FROM
SELECT v.n, v.word FROM (VALUES (1, 'one'), (2, 'two')) AS v(n, word) ORDER BY v.n
--! generated rows
SELECT d::date, n, e FROM generate_series(DATE '2024-01-01', DATE '2024-01-03', INTERVAL '1 day') AS d, generate_series(1, 3) n, unnest(ARRAY['a', 'b']) WITH ORDINALITY AS t(e, at)
--! JSON in rows
SELECT key, value, details ->> 'size', details #>> '{a,b}', details @> '{"a": 1}' FROM items, jsonb_each(details)
--! CASE, COALESCE, NULLIF, BETWEEN, IN, LIKE, regular expressions
SELECT CASE WHEN total > 10 THEN 'big' WHEN total BETWEEN 1 AND 10 THEN 'small' ELSE 'none' END, coalesce(status, '?'), nullif(total, 0) FROM orders WHERE status IN ('paid', 'open') AND status NOT LIKE 'x%' AND status ILIKE '%a%' AND status ~* '^p' AND status SIMILAR TO '(paid|open)'
--! dates
SELECT extract(year FROM created_at), age(created_at), to_char(created_at, 'YYYY-MM'), created_at AT TIME ZONE 'UTC', created_at + INTERVAL '1 month', date_part('dow', created_at), current_date, now() > now() - INTERVAL '7 days' FROM orders WHERE created_at >= CURRENT_DATE - INTERVAL '10 years'
--! casts
SELECT total::text, CAST(id AS bigint), id::numeric(12, 2), '2024-01-01'::timestamptz, status::varchar(10) FROM orders
--! an enumeration of the database's own
SELECT count(*) FROM items WHERE kind = 'cold'::item_kind
--! grouping sets
SELECT status, customer_id, count(*), grouping(status) FROM orders GROUP BY GROUPING SETS ((status), (customer_id), ()) ORDER BY 1, 2
--! rollup and cube
SELECT status, customer_id, sum(total) FROM orders GROUP BY ROLLUP (status, customer_id) UNION ALL SELECT status, customer_id, sum(total) FROM orders GROUP BY CUBE (status, customer_id)
--! DISTINCT ON
SELECT DISTINCT ON (customer_id) customer_id, total FROM orders ORDER BY customer_id, total DESC
--! ordered-set aggregates
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY total), mode() WITHIN GROUP (ORDER BY status) FROM orders
--! FETCH FIRST
SELECT id FROM orders ORDER BY total FETCH FIRST 3 ROWS ONLY
--! rows compared as tuples
SELECT id FROM orders WHERE (customer_id, status) IN (SELECT id, 'paid' FROM customers)
--! ANY and ALL
SELECT id FROM orders WHERE total >= ALL (SELECT total FROM orders) OR status = ANY (ARRAY['paid', 'open'])
--! a whole row
SELECT count(o), to_json(o) FROM orders o GROUP BY o
--! arrays: elements and slices
SELECT tags[1], tags[1:2], array_length(tags, 1), cardinality(tags) FROM items WHERE 'new' = ANY (tags)
--! functions by their schema
SELECT pg_catalog.lower(name), "upper"(name) FROM customers
--! collation
SELECT name FROM customers ORDER BY name COLLATE "C"
--! a view and a materialised view
SELECT v.city, m.n FROM city_counts v JOIN city_counts_kept m ON m.city = v.city
--! a column called like a keyword
SELECT "order", position FROM items ORDER BY "order"
