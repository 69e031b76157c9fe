//! The figures that have a target, on PostgreSQL.

mod connection_type;
mod counters;
mod keys;
mod outages;
mod reads;
mod round_trips;
mod writes;

use cachalot_benches::Figure;
use cachalot_tests::memcached::Server;

use super::{pace::Pace, postgres::world::World, store};

struct Bench<'w> {
    world: &'w World,
    memcached: Server,
    pace: Pace,
}

pub(crate) fn measure(world: &World, pace: Pace) -> Vec<Figure> {
    let bench = Bench {
        world,
        memcached: store::memcached(),
        pace,
    };
    let mut figures = reads::hits(&bench);
    figures.push(round_trips::of_a_hit(&bench));
    figures.extend(connection_type::overhead(&bench));
    figures.push(reads::miss(&bench));
    figures.push(writes::update(&bench));
    figures.push(reads::processor_time(&bench));
    figures.push(reads::heavy(&bench));
    figures.extend(counters::hits(&bench));
    figures.extend(keys::beside_other_keys(&bench));
    figures.extend(outages::added_latency(&bench));
    figures
}
