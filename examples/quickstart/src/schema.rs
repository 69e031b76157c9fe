//! The tables, as `diesel print-schema` writes them.

diesel::table! {
    airlines (carrier) {
        carrier -> Text,
        name -> Text,
    }
}

diesel::table! {
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

diesel::table! {
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

diesel::table! {
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

diesel::joinable!(flights -> airlines (carrier));
diesel::joinable!(flights -> airports (origin));

diesel::allow_tables_to_appear_in_same_query!(airlines, airports, flights, planes);
