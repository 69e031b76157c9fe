use super::*;
use crate::message::Seen;

fn referee() -> (Referee, Seat, Seat) {
    let referee = Referee::new(Rules {
        p2: true,
        lease: Duration::from_secs(60),
    });
    let seats = (referee.seat(), referee.seat());
    (referee, seats.0, seats.1)
}

fn write(referee: &Referee, seat: &mut Seat, counter: usize, kept: bool) {
    let increments = vec![counter];
    referee.hear(seat, Message::Begin { increments });
    let (kept, undone) = if kept {
        (vec![counter], vec![])
    } else {
        (vec![], vec![counter])
    };
    let ending = Ending {
        kept,
        undone,
        cut_off: false,
    };
    referee.hear(seat, Message::End(ending));
}

fn saw(counter: usize, value: i64, plain: Option<i64>) -> Message {
    Message::Saw(Saw {
        values: vec![Seen {
            of: vec![counter],
            value,
            plain,
        }],
        ..Saw::default()
    })
}

fn broken(referee: &Referee) -> Vec<Promise> {
    let violations = referee.verdict().violations;
    violations
        .iter()
        .map(|violation| violation.promise)
        .collect()
}

#[test]
fn a_read_below_what_was_acknowledged_before_it_breaks_p1() {
    let (referee, mut writer, mut reader) = referee();
    write(&referee, &mut writer, 1, true);
    referee.hear(&mut reader, Message::Ask);
    referee.hear(&mut reader, saw(1, 1, None));
    assert_eq!(broken(&referee), []);
    referee.hear(&mut reader, saw(1, 0, None));
    assert_eq!(broken(&referee), [Promise::P1]);
}

#[test]
fn what_was_acknowledged_after_the_read_began_need_not_show() {
    let (referee, mut writer, mut reader) = referee();
    referee.hear(&mut reader, Message::Ask);
    write(&referee, &mut writer, 1, true);
    referee.hear(&mut reader, saw(1, 0, None));
    assert_eq!(broken(&referee), []);
}

#[test]
fn a_read_below_the_plain_read_before_it_breaks_p2() {
    let (referee, mut writer, mut reader) = referee();
    let increments = vec![1];
    referee.hear(&mut writer, Message::Begin { increments });
    referee.hear(&mut reader, Message::Ask);
    referee.hear(&mut reader, saw(1, 1, Some(1)));
    assert_eq!(broken(&referee), []);
    referee.hear(&mut reader, saw(1, 0, Some(1)));
    assert_eq!(broken(&referee), [Promise::P2]);
}

#[test]
fn a_write_slower_than_its_lease_excuses_p2_and_nothing_else() {
    let referee = Referee::new(Rules {
        p2: true,
        lease: Duration::ZERO,
    });
    let (mut writer, mut reader) = (referee.seat(), referee.seat());
    write(&referee, &mut writer, 2, true);
    let increments = vec![1];
    referee.hear(&mut writer, Message::Begin { increments });
    referee.hear(&mut reader, Message::Ask);
    referee.hear(&mut reader, saw(1, 0, Some(1)));
    referee.hear(&mut reader, saw(2, 0, None));
    let kept = vec![1];
    let ending = Ending {
        kept,
        ..Ending::default()
    };
    referee.hear(&mut writer, Message::End(ending));
    assert_eq!(broken(&referee), [Promise::P1]);
    assert_eq!(referee.verdict().excused, 1);
}

#[test]
fn a_row_that_was_taken_back_must_not_show() {
    let (referee, mut writer, mut reader) = referee();
    write(&referee, &mut writer, 1, false);
    referee.hear(&mut reader, Message::Ask);
    referee.hear(&mut reader, saw(1, 1, None));
    assert_eq!(broken(&referee), [Promise::Written]);
}

#[test]
fn half_a_transaction_must_not_show() {
    let (referee, _, mut reader) = referee();
    referee.hear(&mut reader, Message::Ask);
    let half = Saw {
        pair: Some((1, 0)),
        ..Saw::default()
    };
    referee.hear(&mut reader, Message::Saw(half));
    assert_eq!(broken(&referee), [Promise::Whole]);
}

#[test]
fn a_worker_that_is_gone_leaves_its_write_open() {
    let (referee, mut writer, _) = referee();
    let increments = vec![0];
    referee.hear(&mut writer, Message::Begin { increments });
    referee.leave(&writer);
    let verdict = referee.verdict();
    assert_eq!(verdict.totals.unknown, 1);
    let tally = verdict.tallies[0];
    assert_eq!((tally.acknowledged, tally.most()), (0, 1));
}
