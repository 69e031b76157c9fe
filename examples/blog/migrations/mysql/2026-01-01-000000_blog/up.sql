CREATE TABLE authors (
    id INTEGER NOT NULL AUTO_INCREMENT PRIMARY KEY,
    name VARCHAR(255) NOT NULL UNIQUE,
    about TEXT NOT NULL
);

CREATE TABLE posts (
    id INTEGER NOT NULL AUTO_INCREMENT PRIMARY KEY,
    author_id INTEGER NOT NULL,
    title TEXT NOT NULL,
    body TEXT NOT NULL,
    written_at DATETIME NOT NULL DEFAULT (UTC_TIMESTAMP()),
    FOREIGN KEY (author_id) REFERENCES authors (id)
);

CREATE TABLE tags (
    post_id INTEGER NOT NULL,
    label VARCHAR(255) NOT NULL,
    PRIMARY KEY (post_id, label),
    FOREIGN KEY (post_id) REFERENCES posts (id)
);
CREATE INDEX tags_label ON tags (label);

CREATE TABLE comments (
    id INTEGER NOT NULL AUTO_INCREMENT PRIMARY KEY,
    post_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    body TEXT NOT NULL,
    written_at DATETIME NOT NULL DEFAULT (UTC_TIMESTAMP()),
    FOREIGN KEY (post_id) REFERENCES posts (id)
);
