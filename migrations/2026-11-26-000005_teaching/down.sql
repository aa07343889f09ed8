DROP TABLE feedback;
DROP TABLE examples;
DROP TABLE glossary;
