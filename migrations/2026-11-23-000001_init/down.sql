DROP TABLE results;
DROP TABLE queries;
DROP TABLE conversations;
DROP TABLE connections;
DROP TABLE files;
DROP TABLE sessions;
DROP TABLE users;
DROP TABLE organizations;
