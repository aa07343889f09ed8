DROP TABLE preferences;
DROP TABLE audit_retention;
DROP TABLE audit;
