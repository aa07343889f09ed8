DROP TABLE login_attempts;
DROP TABLE outgoing_mail;
