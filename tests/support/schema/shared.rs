//! The tables that every database has alike.

use diesel::{allow_tables_to_appear_in_same_query, joinable, table};

table! {
    airlines (carrier) {
        carrier -> Text,
        name -> Text,
    }
}

table! {
    airports (faa) {
        faa -> Text,
        name -> Text,
        lat -> Double,
        lon -> Double,
        alt -> Integer,
        tz -> Integer,
        dst -> Text,
        tzone -> Nullable<Text>,
    }
}

table! {
    planes (tailnum) {
        tailnum -> Text,
        year -> Nullable<Integer>,
        #[sql_name = "type"]
        type_ -> Text,
        manufacturer -> Text,
        model -> Text,
        engines -> Integer,
        seats -> Integer,
        speed -> Nullable<Integer>,
        engine -> Text,
    }
}

table! {
    flights (id) {
        id -> Integer,
        year -> Integer,
        month -> Integer,
        day -> Integer,
        dep_time -> Nullable<Integer>,
        sched_dep_time -> Integer,
        dep_delay -> Nullable<Integer>,
        arr_time -> Nullable<Integer>,
        sched_arr_time -> Integer,
        arr_delay -> Nullable<Integer>,
        carrier -> Text,
        flight -> Integer,
        tailnum -> Nullable<Text>,
        origin -> Text,
        dest -> Text,
        air_time -> Nullable<Integer>,
        distance -> Integer,
        hour -> Integer,
        minute -> Integer,
        time_hour -> Timestamp,
    }
}

table! {
    authors (id) {
        id -> Integer,
        name -> Text,
        email -> Nullable<Text>,
        born -> Nullable<Date>,
        active -> Bool,
        created_at -> Timestamp,
    }
}

table! {
    posts (id) {
        id -> Integer,
        author_id -> Integer,
        title -> Text,
        body -> Nullable<Text>,
        published -> Bool,
        rating -> Nullable<Double>,
        votes -> BigInt,
        published_at -> Nullable<Timestamp>,
    }
}

table! {
    comments (id) {
        id -> Integer,
        post_id -> Integer,
        author_id -> Nullable<Integer>,
        body -> Text,
    }
}

table! {
    tags (id) {
        id -> Integer,
        label -> Text,
    }
}

table! {
    posts_tags (post_id, tag_id) {
        post_id -> Integer,
        tag_id -> Integer,
    }
}

table! {
    counters (id) {
        id -> Integer,
        value -> BigInt,
    }
}

table! {
    owners (id) {
        id -> Integer,
        name -> Text,
    }
}

table! {
    /// Deleted with their owner, and follow when the owner's id changes.
    pets (id) {
        id -> Integer,
        owner_id -> Integer,
        name -> Text,
    }
}

table! {
    /// Deleted with their pet, and so with the pet's owner.
    toys (id) {
        id -> Integer,
        pet_id -> Integer,
        name -> Text,
    }
}

table! {
    /// Lose their pet when it is deleted.
    walks (id) {
        id -> Integer,
        pet_id -> Nullable<Integer>,
    }
}

table! {
    /// A table and a column whose names are not ASCII.
    #[sql_name = "crème"]
    creme (id) {
        id -> Integer,
        #[sql_name = "größe"]
        groesse -> Text,
    }
}

table! {
    /// A table and a column with upper case in their names.
    #[sql_name = "Gadgets"]
    gadgets (id) {
        id -> Integer,
        #[sql_name = "Name"]
        name -> Text,
    }
}

table! {
    /// A table and a column named by keywords.
    #[sql_name = "order"]
    order_ (id) {
        id -> Integer,
        #[sql_name = "group"]
        group_ -> Text,
    }
}

table! {
    /// A table and a column whose names must be quoted.
    #[sql_name = "two words"]
    two_words (id) {
        id -> Integer,
        #[sql_name = "first name"]
        first_name -> Text,
    }
}

joinable!(flights -> airlines (carrier));
joinable!(flights -> airports (origin));
joinable!(flights -> planes (tailnum));
joinable!(posts -> authors (author_id));
joinable!(comments -> posts (post_id));
joinable!(comments -> authors (author_id));
joinable!(posts_tags -> posts (post_id));
joinable!(posts_tags -> tags (tag_id));
joinable!(pets -> owners (owner_id));
joinable!(toys -> pets (pet_id));
joinable!(walks -> pets (pet_id));

allow_tables_to_appear_in_same_query!(airlines, airports, planes, flights);
allow_tables_to_appear_in_same_query!(
    authors, posts, comments, tags, posts_tags, counters, owners, pets, toys, walks, creme,
    gadgets, order_, two_words,
);
