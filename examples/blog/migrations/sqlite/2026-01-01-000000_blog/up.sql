CREATE TABLE authors (
    id INTEGER NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    about TEXT NOT NULL
);

CREATE TABLE posts (
    id INTEGER NOT NULL PRIMARY KEY,
    author_id INTEGER NOT NULL REFERENCES authors,
    title TEXT NOT NULL,
    body TEXT NOT NULL,
    written_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE INDEX posts_author_id ON posts (author_id);

CREATE TABLE tags (
    post_id INTEGER NOT NULL REFERENCES posts,
    label TEXT NOT NULL,
    PRIMARY KEY (post_id, label)
);
CREATE INDEX tags_label ON tags (label);

CREATE TABLE comments (
    id INTEGER NOT NULL PRIMARY KEY,
    post_id INTEGER NOT NULL REFERENCES posts,
    name TEXT NOT NULL,
    body TEXT NOT NULL,
    written_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE INDEX comments_post_id ON comments (post_id);
