use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{table::PIECE, *};
use crate::redact::{
    mark::{Found, apart},
    squeezed::Squeezed,
};

/// Random enough that no two pieces are alike.
fn secret(seed: u64) -> String {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"[(state >> 58) as usize])
    };
    (0..300).map(|_| next()).collect()
}

fn found(known: &Known, text: &str) -> Vec<Found> {
    known.find(text, Squeezed::without_breaks(text).as_ref())
}

fn places(known: &Known, text: &str) -> Vec<(usize, usize)> {
    apart(found(known, text)).into_iter().map(|(range, _)| (range.start, range.end)).collect()
}

#[test]
fn every_piece_of_sixteen_bytes_is_found_in_every_form() {
    let mut known = Known::default();
    let secret = secret(1);
    known.add(&secret);
    for start in 0..=secret.len() - PIECE {
        let piece = &secret[start..start + PIECE];
        assert_eq!(places(&known, &format!("é {piece} ")), [(3, 3 + PIECE)], "{start}");
        assert!(found(&known, &piece[..PIECE - 1]).is_empty());
    }
    let encoded = STANDARD.encode(format!("x{secret}y"));
    for start in 2..encoded.len() - PIECE - 4 {
        assert!(!found(&known, &encoded[start..start + PIECE]).is_empty(), "{start}");
    }
}

#[test]
fn of_many_that_begin_alike_each_is_found_to_its_end() {
    let mut known = Known::default();
    let all: Vec<String> = (0..60).map(|seed| format!("{}.{}", secret(7), secret(100 + seed))).collect();
    all.iter().for_each(|secret| known.add(secret));
    for secret in &all {
        assert_eq!(places(&known, &format!("a {secret} b")), [(2, 2 + secret.len())]);
    }
}

#[test]
fn in_json_it_is_found_as_every_encoder_writes_it() {
    let mut known = Known::default();
    known.add("<b>&\"\\/c\"");
    for json in [r#"<b>&\"\\/c\""#, r#"<b>&\"\\\/c\""#, r#"\u003cb\u003e\u0026\"\\/c\""#] {
        assert_eq!(places(&known, &format!("\"{json}\"")), [(1, 1 + json.len())], "{json}");
    }
}

#[test]
fn what_is_short_counts_only_whole() {
    let mut known = Known::default();
    known.add("hush/hush");
    known.add("short");
    let text = "a hush/hush, hush%2Fhush, hush\\/hush, hush/hus short";
    assert_eq!(places(&known, text), [(2, 11), (13, 24), (26, 36)]);
}

#[test]
fn broken_into_lines_or_bytes_it_is_found_too() {
    let mut known = Known::default();
    let secret = secret(3);
    known.add(&secret);
    let encoded = STANDARD.encode(&secret);
    for (text, width) in [(secret.as_str(), 7), (&encoded, 10), (&encoded, 76)] {
        let lines: Vec<_> = text.as_bytes().chunks(width).map(String::from_utf8_lossy).collect();
        for between in ["\n", "\r\n", "\n    ", "=\n", "\\n"] {
            let broken = lines.join(between);
            let rest = broken.len() - places(&known, &broken).iter().map(|(from, to)| to - from).sum::<usize>();
            assert!(rest <= 4, "{rest} bytes of {broken:?}");
        }
    }
    let bytes: Vec<String> = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(places(&known, &bytes.join(" ")), [(0, 3 * bytes.len() - 1)]);
}

#[test]
fn a_short_value_of_a_secret_goes_as_a_word_and_an_ordinary_word_only_where_it_is_the_value() {
    let mut known = Known::default();
    known.add_value("password", b"hunter2\n");
    known.add_value("user", b"admin");
    known.add_value("pin", b"42");
    let shown = |text: &str| {
        let mut text = text.to_owned();
        for (range, _) in apart(found(&known, &text)).into_iter().rev() {
            text.replace_range(range, "*");
        }
        text
    };
    assert_eq!(shown("it is hunter2, not hunter22"), "it is *, not hunter22");
    assert_eq!(shown("aHVudGVyMg== aHVudGVyMgo= aHVudGVyMg"), "* * *");
    assert_eq!(
        shown("ClusterRole admin, user: admin, USER=admin, name: admin"),
        "ClusterRole admin, user: *, USER=*, name: admin"
    );
    assert_eq!(shown("admin\nadmins\n"), "*\nadmins\n");
    assert_eq!(shown(r#"{"user":"YWRtaW4=","pin":"NDI=","port":"42"}"#), r#"{"user":"*","pin":"*","port":"42"}"#);
    assert_eq!(shown("pin: 42\n42 Pods"), "pin: *\n42 Pods");
}

#[test]
fn of_a_file_in_a_secret_long_pieces_and_its_passwords_go_and_ordinary_lines_stay() {
    let mut known = Known::default();
    known.add_value("config.yaml", b"apiVersion: v1\nkind: Config\ndsn: app:pa55word9@db\n");
    assert!(places(&known, "apiVersion: v1\nkind: Pod\n").is_empty());
    assert_eq!(places(&known, "apiVersion: v1\nkind: Config\ndsn: app"), [(0, 36)]);
    assert_eq!(places(&known, "it has pa55word9@db in it"), [(7, 19)]);
}
