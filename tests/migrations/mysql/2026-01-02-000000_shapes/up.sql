-- Relations.
CREATE TABLE authors (
    id INTEGER NOT NULL AUTO_INCREMENT PRIMARY KEY,
    name VARCHAR(255) NOT NULL,
    email VARCHAR(255),
    born DATE,
    active BOOLEAN NOT NULL DEFAULT TRUE,
    created_at DATETIME(6) NOT NULL DEFAULT '2000-01-01 00:00:00'
);

CREATE TABLE posts (
    id INTEGER NOT NULL AUTO_INCREMENT PRIMARY KEY,
    author_id INTEGER NOT NULL,
    title VARCHAR(255) NOT NULL,
    body TEXT,
    published BOOLEAN NOT NULL DEFAULT FALSE,
    rating DOUBLE,
    votes BIGINT NOT NULL DEFAULT 0,
    published_at DATETIME(6) NULL,
    FOREIGN KEY (author_id) REFERENCES authors (id)
);

CREATE TABLE comments (
    id INTEGER NOT NULL AUTO_INCREMENT PRIMARY KEY,
    post_id INTEGER NOT NULL,
    author_id INTEGER,
    body TEXT NOT NULL,
    FOREIGN KEY (post_id) REFERENCES posts (id),
    FOREIGN KEY (author_id) REFERENCES authors (id)
);

CREATE TABLE tags (
    id INTEGER NOT NULL AUTO_INCREMENT PRIMARY KEY,
    label VARCHAR(255) NOT NULL UNIQUE
);

CREATE TABLE posts_tags (
    post_id INTEGER NOT NULL,
    tag_id INTEGER NOT NULL,
    PRIMARY KEY (post_id, tag_id),
    FOREIGN KEY (post_id) REFERENCES posts (id),
    FOREIGN KEY (tag_id) REFERENCES tags (id)
);

CREATE TABLE counters (
    id INTEGER NOT NULL AUTO_INCREMENT PRIMARY KEY,
    value BIGINT NOT NULL DEFAULT 0
);

-- Foreign keys whose actions write: owners <- pets <- toys, two levels of CASCADE.
CREATE TABLE owners (
    id INTEGER NOT NULL PRIMARY KEY,
    name VARCHAR(255) NOT NULL
);

CREATE TABLE pets (
    id INTEGER NOT NULL PRIMARY KEY,
    owner_id INTEGER NOT NULL,
    name VARCHAR(255) NOT NULL,
    FOREIGN KEY (owner_id) REFERENCES owners (id) ON DELETE CASCADE ON UPDATE CASCADE
);

CREATE TABLE toys (
    id INTEGER NOT NULL PRIMARY KEY,
    pet_id INTEGER NOT NULL,
    name VARCHAR(255) NOT NULL,
    FOREIGN KEY (pet_id) REFERENCES pets (id) ON DELETE CASCADE
);

CREATE TABLE walks (
    id INTEGER NOT NULL PRIMARY KEY,
    pet_id INTEGER,
    FOREIGN KEY (pet_id) REFERENCES pets (id) ON DELETE SET NULL
);

-- Names that need care.
CREATE TABLE `crème` (id INTEGER NOT NULL PRIMARY KEY, `größe` VARCHAR(255) NOT NULL);
CREATE TABLE `Gadgets` (id INTEGER NOT NULL PRIMARY KEY, `Name` VARCHAR(255) NOT NULL);
CREATE TABLE `order` (id INTEGER NOT NULL PRIMARY KEY, `group` VARCHAR(255) NOT NULL);
CREATE TABLE `two words` (id INTEGER NOT NULL PRIMARY KEY, `first name` VARCHAR(255) NOT NULL);

-- One column of every type; all but the key may be null.
CREATE TABLE every_type (
    id INTEGER NOT NULL PRIMARY KEY,
    a_tinyint TINYINT,
    a_smallint SMALLINT,
    an_integer INTEGER,
    a_bigint BIGINT,
    an_unsigned_tinyint TINYINT UNSIGNED,
    an_unsigned_smallint SMALLINT UNSIGNED,
    an_unsigned_integer INTEGER UNSIGNED,
    an_unsigned_bigint BIGINT UNSIGNED,
    a_float FLOAT,
    a_double DOUBLE,
    a_numeric DECIMAL(30, 10),
    a_bool BOOLEAN,
    a_text TEXT,
    a_varchar VARCHAR(64),
    a_char CHAR(8),
    bytes BLOB,
    a_varbinary VARBINARY(64),
    a_binary BINARY(8),
    a_date DATE,
    a_time TIME(6),
    a_datetime DATETIME(6),
    a_timestamp TIMESTAMP(6) NULL,
    a_json JSON
);
