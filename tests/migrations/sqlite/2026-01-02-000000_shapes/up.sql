-- Relations.
CREATE TABLE authors (
    id INTEGER NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    email TEXT,
    born DATE,
    active BOOLEAN NOT NULL DEFAULT TRUE,
    created_at TIMESTAMP NOT NULL DEFAULT '2000-01-01 00:00:00'
);

CREATE TABLE posts (
    id INTEGER NOT NULL PRIMARY KEY,
    author_id INTEGER NOT NULL,
    title TEXT NOT NULL,
    body TEXT,
    published BOOLEAN NOT NULL DEFAULT FALSE,
    rating DOUBLE,
    votes BIGINT NOT NULL DEFAULT 0,
    published_at TIMESTAMP NULL,
    FOREIGN KEY (author_id) REFERENCES authors (id)
);

CREATE TABLE comments (
    id INTEGER NOT NULL PRIMARY KEY,
    post_id INTEGER NOT NULL,
    author_id INTEGER,
    body TEXT NOT NULL,
    FOREIGN KEY (post_id) REFERENCES posts (id),
    FOREIGN KEY (author_id) REFERENCES authors (id)
);

CREATE TABLE tags (
    id INTEGER NOT NULL PRIMARY KEY,
    label TEXT NOT NULL UNIQUE
);

CREATE TABLE posts_tags (
    post_id INTEGER NOT NULL,
    tag_id INTEGER NOT NULL,
    PRIMARY KEY (post_id, tag_id),
    FOREIGN KEY (post_id) REFERENCES posts (id),
    FOREIGN KEY (tag_id) REFERENCES tags (id)
);

CREATE TABLE counters (
    id INTEGER NOT NULL PRIMARY KEY,
    value BIGINT NOT NULL DEFAULT 0
);

-- Foreign keys whose actions write: owners <- pets <- toys, two levels of CASCADE.
CREATE TABLE owners (
    id INTEGER NOT NULL PRIMARY KEY,
    name TEXT NOT NULL
);

CREATE TABLE pets (
    id INTEGER NOT NULL PRIMARY KEY,
    owner_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    FOREIGN KEY (owner_id) REFERENCES owners (id) ON DELETE CASCADE ON UPDATE CASCADE
);

CREATE TABLE toys (
    id INTEGER NOT NULL PRIMARY KEY,
    pet_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    FOREIGN KEY (pet_id) REFERENCES pets (id) ON DELETE CASCADE
);

CREATE TABLE walks (
    id INTEGER NOT NULL PRIMARY KEY,
    pet_id INTEGER,
    FOREIGN KEY (pet_id) REFERENCES pets (id) ON DELETE SET NULL
);

CREATE TABLE kennels (
    id INTEGER NOT NULL PRIMARY KEY,
    owner_id INTEGER NOT NULL DEFAULT 0,
    FOREIGN KEY (owner_id) REFERENCES owners (id) ON DELETE SET DEFAULT
);

-- Names that need care.
CREATE TABLE "crème" (id INTEGER NOT NULL PRIMARY KEY, "größe" TEXT NOT NULL);
CREATE TABLE "Gadgets" (id INTEGER NOT NULL PRIMARY KEY, "Name" TEXT NOT NULL);
CREATE TABLE "order" (id INTEGER NOT NULL PRIMARY KEY, "group" TEXT NOT NULL);
CREATE TABLE "two words" (id INTEGER NOT NULL PRIMARY KEY, "first name" TEXT NOT NULL);

-- One column of every type; all but the key may be null.
CREATE TABLE every_type (
    id INTEGER NOT NULL PRIMARY KEY,
    a_smallint SMALLINT,
    an_integer INTEGER,
    a_bigint BIGINT,
    a_float FLOAT,
    a_double DOUBLE,
    a_numeric NUMERIC,
    a_bool BOOLEAN,
    a_text TEXT,
    bytes BLOB,
    a_date DATE,
    a_time TIME,
    a_timestamp TIMESTAMP,
    a_timestamptz TIMESTAMPTZ,
    a_json JSON,
    a_jsonb JSONB
);
