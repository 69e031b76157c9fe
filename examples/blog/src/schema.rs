//! The tables, as `diesel print-schema` writes them.

diesel::table! {
    authors (id) {
        id -> Integer,
        name -> Text,
        about -> Text,
    }
}

diesel::table! {
    comments (id) {
        id -> Integer,
        post_id -> Integer,
        name -> Text,
        body -> Text,
        written_at -> Timestamp,
    }
}

diesel::table! {
    posts (id) {
        id -> Integer,
        author_id -> Integer,
        title -> Text,
        body -> Text,
        written_at -> Timestamp,
    }
}

diesel::table! {
    tags (post_id, label) {
        post_id -> Integer,
        label -> Text,
    }
}

diesel::joinable!(comments -> posts (post_id));
diesel::joinable!(posts -> authors (author_id));
diesel::joinable!(tags -> posts (post_id));

diesel::allow_tables_to_appear_in_same_query!(authors, comments, posts, tags);
