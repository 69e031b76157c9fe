DROP TABLE comments;
DROP TABLE tags;
DROP TABLE posts;
DROP TABLE authors;
